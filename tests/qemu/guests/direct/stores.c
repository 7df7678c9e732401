/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of tests/qemu/guests/common/stores.h on live page tables: the middle two pages of the
 * window are level-3 tables that hang in a loaded address space.
 */
#include "../common/stores.h"

#include "common/print.h"
#include "common/string.h"
#include "direct/counters.h"
#include "direct/exception.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/rig.h"
#include "direct/user.h"

#define WINDOW  STORES_WINDOW
#define CODE_VA RIG_PAGE_VA(300)

static struct rig rig;
static uint64_t *page[STORES_PAGES];
static uint32_t *code;
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

void (*stores_code(uint32_t first, uint32_t second))(void)
{
    code[0] = first;
    code[1] = second;
    sync_instructions(code, 8);
    return (void (*)(void))CODE_VA;
}

/* --- From EL0 ----------------------------------------------------------------------------------
 */

#define EL0_WINDOW RIG_PAGE_VA(100)
#define EL0_TEXT   RIG_PAGE_VA(200)
#define TEXT_PAGES 4
#define IN_TABLE   (PAGE_SIZE + 512)

static uint64_t text_va(const void *at)
{
    return EL0_TEXT + (uint64_t)((const char *)at - forms_text);
}

/* The window is there for EL0 to read, which is the most that it may have of a page table. */
static void map_for_el0(void)
{
    uint64_t size = (uint64_t)(forms_text_end - forms_text) + 4;

    for (uint64_t i = 0; i < STORES_PAGES; i++)
        space_map(&rig.space, EL0_WINDOW + i * PAGE_SIZE, entry_page(page[i], PAGE_USER_RO));
    for (uint64_t i = 0; i < TEXT_PAGES; i++) {
        uint64_t left = size - i * PAGE_SIZE;
        void *text = page_alloc();

        if (i * PAGE_SIZE >= size)
            break;
        memcpy(text, forms_text + i * PAGE_SIZE, left < PAGE_SIZE ? left : PAGE_SIZE);
        sync_instructions(text, PAGE_SIZE);
        space_map(&rig.space, EL0_TEXT + i * PAGE_SIZE, entry_page(text, PAGE_USER_TEXT));
    }
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
}

static bool is_window_untouched(void)
{
    for (uint64_t i = 0; i < STORES_WORDS; i++) {
        if (peek(WINDOW + 8 * i) != stores_word(i))
            return false;
    }
    return true;
}

static void run_from_el0(const struct form *form)
{
    struct user user = {.pc = text_va((const void *)form->code), .pstate = STORES_NZCV};

    stores_registers(user.x, EL0_WINDOW + IN_TABLE);
    user.x[30] = text_va(forms_text_end);
    stores_before();
    user_run(&user);
    print("el0 %s ec=%x iss=%lx%s", form->name, ESR_EC(user.esr), user.esr & 0x7f,
          is_window_untouched() ? "" : " changed");
    stores_after();
    print("\n");
}

void guest_main(void)
{
    (void)assist_set(true);
    rig_make(&rig);
    for (uint64_t i = 0; i < STORES_PAGES; i++) {
        page[i] = page_alloc();
        for (uint64_t j = 0; j < 512; j++)
            page[i][j] = stores_word(512 * i + j);
        space_map(&rig.space, WINDOW + i * PAGE_SIZE, entry_page(page[i], PAGE_PRIVATE));
    }
    code = page_alloc();
    space_map(&rig.space, CODE_VA, entry_page(code, PAGE_PRIVATE_TEXT));
    entry_write(&rig.level2[50], entry_table(page[1]));
    entry_write(&rig.level2[51], entry_table(page[2]));
    (void)hyp_mmuext(MMUEXT_TLB_FLUSH_ALL, 0);
    if (!guest_option("el0")) {
        stores_run();
        return;
    }
    map_for_el0();
    for (const struct form *form = forms; form != forms_end; form++) {
        if (stores_has(form))
            run_from_el0(form);
    }
    print("forms done\n");
}
