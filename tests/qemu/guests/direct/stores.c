/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of tests/qemu/guests/common/stores.h on live page tables: the middle two pages of the
 * window are level-3 tables that hang in a loaded address space.
 */
#include "../common/stores.h"

#include "common/print.h"
#include "direct/counters.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"

#define WINDOW KERNEL_BASE

static struct rig rig;
static uint64_t *page[STORES_PAGES];
static struct latch_counters before;

bool guest_exception(struct exception *e)
{
    uint64_t next = stores_exception(e->x, e->esr, e->far);

    if (next == 0)
        return false;
    e->elr = next;
    return true;
}

void stores_before(void) { counters_read(&before); }

static void print_count(const char *name, uint64_t from, uint64_t to)
{
    if (to != from)
        print(" %s=%lu", name, to - from);
}

void stores_after(void)
{
    struct latch_counters after;

    counters_read(&after);
    print(" |");
    print_count("opened", before.opened, after.opened);
    print_count("emulated", before.emulated, after.emulated);
    print_count("refused", before.refused, after.refused);
    /* What was opened comes back before the next form. */
    (void)hyp_mmuext(MMUEXT_INVLPG_LOCAL, WINDOW);
}

/* A hypercall, which teaches the predictor nothing. */
void stores_restore(uint64_t va, uint64_t value)
{
    uint64_t *word = page[(va - WINDOW) / PAGE_SIZE] + (va & (PAGE_SIZE - 1)) / 8;

    entry_write_by_hypercall(word, value);
}

void guest_main(void)
{
    (void)assist_set(true);
    rig_make(&rig);
    for (uint64_t i = 0; i < STORES_PAGES; i++) {
        page[i] = page_alloc();
        for (uint64_t j = 0; j < 512; j++)
            page[i][j] = stores_word(512 * i + j);
        kernel_map(WINDOW + i * PAGE_SIZE, entry_page(page[i], PAGE_KERNEL));
    }
    entry_write(&rig.level2[50], entry_table(page[1]));
    entry_write(&rig.level2[51], entry_table(page[2]));
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    stores_run(WINDOW);
}
