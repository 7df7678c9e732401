/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page-table work as rows for gem5. latch,ptwr-policy says what stores to tables do; "open" asks
 * for the rows of a batch, "idle" and "busy" for other vCPUs of the domain.
 */
#include "../common/rows.h"

#include "others.h"

#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/table.h"

#define ENTRIES     512u
#define ROUNDS      16u
#define SHORT       256u          /* rounds of what is over in a few cycles */
#define UPDATES     (ENTRIES - 2) /* the first and the last entry stay as they are */
#define VA          OTHERS_VA
#define SPACE_ASID  (MAX_WORKERS + 1)
#define OTHER_ASID  (MAX_WORKERS + 2)
#define ENTRY_VA(n) (VA + (uint64_t)(n)*PAGE_SIZE)

static struct space space, other;
static uint64_t *table;
static uint64_t entries[ENTRIES];
static struct mmu_update requests[ENTRIES];

static void look(unsigned int n) { (void)*(const volatile uint64_t *)ENTRY_VA(n); }

static void put(unsigned int n, bool map)
{
    *(volatile uint64_t *)&table[n] = map ? entries[n] : 0;
}

static void basics(void)
{
    ROW("empty", SHORT, __asm__ volatile("" ::: "memory"));
    ROW("load", SHORT, look(0));
    ROW("tlbi-vmalle1is", SHORT, tlbi_all());
    ROW("tlbi-vaae1is", SHORT, tlbi_page(VA));
    ROW("load-cold", SHORT, tlbi_all(); look(0));
    ROW("clean-64-lines", ROUNDS,
        for (unsigned int line = 0; line < 64;
             line++) __asm__ volatile("dc civac, %0" ::"r"((char *)(void *)entries + 64 * line)
                                      : "memory");
        dsb_ish());
    ROW("hypercall", SHORT, (void)hyp_xen_version(XENVER_version, NULL));
    ROW("ttbr0", ROUNDS, write_sysreg(space_ttbr(i % 2 == 0 ? &other : &space), ttbr0_el1); isb());
}

static void detach_and_reconnect(unsigned int count, const char *name)
{
    for (unsigned int i = 0; i < count; i++)
        put(i, false);
    tlbi_all(); /* a leaf that is cached needs no table */
    look(ENTRIES - 1);
    row_begin();
    put(0, true);
    row_end("detach", 1);
    for (unsigned int i = 1; i < count; i++)
        put(i, true);
    row_begin();
    tables_written();
    look(0);
    row_end(name, 1);
}

static void update(const char *name, bool map)
{
    uint64_t machine = virt_to_machine(table);

    for (unsigned int i = 0; i < UPDATES; i++)
        requests[i] = (struct mmu_update){machine + 8 * (1 + i), map ? entries[1 + i] : 0};
    row_begin();
    (void)hyp_mmu_update(requests, UPDATES, NULL);
    row_end(name, UPDATES);
}

/* Each entry gets another page, from now on. */
static void exchange_pages(void)
{
    uint64_t first = entries[0];

    for (unsigned int i = 0; i + 1 < ENTRIES; i++)
        entries[i] = entries[i + 1];
    entries[ENTRIES - 1] = first;
}

/* With stores emulated: entry 1 to ENTRIES - 2 are invalid before and after it. */
static void single_entries(void)
{
    ROW("emulated", ROUNDS, put(1 + i, true));
    exchange_pages();
    ROW("emulated-replace", ROUNDS, put(1 + i, true));
    ROW("emulated-invalid", ROUNDS, put(1 + i, false));
    ROW("va-mapping", ROUNDS,
        (void)hyp_update_va_mapping((const void *)ENTRY_VA(1 + i), entries[1 + i], UVMF_NONE));
    ROW("va-mapping-invalid", ROUNDS,
        (void)hyp_update_va_mapping((const void *)ENTRY_VA(1 + i), 0, UVMF_NONE));
    update("mmu-update", true);
    exchange_pages();
    update("mmu-update-replace", true);
    update("mmu-update-invalid", false);
}

static void batch(void)
{
    for (unsigned int i = 0; i < ENTRIES - 1; i++)
        put(i, false);
    tlbi_all(); /* a leaf that is cached needs no table */
    look(ENTRIES - 1);
    row_begin();
    for (unsigned int i = 0; i < ENTRIES - 1; i++)
        put(i, true);
    tables_written();
    look(0);
    row_end("batch", ENTRIES - 1);
}

static void prepare(void)
{
    if (assist_set(true) != 0)
        guest_crash();
    for (unsigned int i = 0; i < ENTRIES; i++)
        entries[i] = entry_page(page_alloc(), PAGE_PRIVATE);
    others_prepare(entries);
    space_create(&other, OTHER_ASID);
    space_map(&other, VA, entries[0]);
    space_load(&other);
    space_create(&space, SPACE_ASID);
    table = space_entry(&space, VA, 3);
    put(0, true);
    put(ENTRIES - 1, true);
    space_load(&space);
    look(0);
    others_start();
}

/* Twice where caches are to be full: the later of two rows of a name counts. */
void guest_main(void)
{
    prepare();
    if (!guest_option("open")) {
        basics();
        basics();
        single_entries();
        single_entries();
        return;
    }
    detach_and_reconnect(1, "reconnect-1");
    detach_and_reconnect(1, "reconnect-1");
    detach_and_reconnect(64, "reconnect-64");
    detach_and_reconnect(ENTRIES - 1, "reconnect-511");
    batch();
}
