/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the update of a page table costs a direct guest. A level-3 table in the loaded address space
 * gets entries and loses them again, and a walk through it follows; "bench: NAME OPERATIONS TICKS"
 * as in the other guests. "count: NAME OPERATIONS ALL VA IPA LINES" says what Latch asked the
 * processor for meanwhile: invalidations of everything, by address, of stage 2, lines cleaned. What
 * a store to the table means is the domain's latch,ptwr-policy: words of the command line say which
 * figures are wanted.
 */
#include "common/print.h"
#include "direct/counters.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/table.h"

#define ENTRIES     512u
#define ROUNDS      64u
#define COUNTED     8u /* rounds */
#define PAGE_LINES  64u
#define VA          UINT64_C(0x40000000)
#define ENTRY_VA(n) (VA + (uint64_t)(n)*PAGE_SIZE)

static struct space space, other;
static uint64_t *table;
static uint64_t entries[ENTRIES]; /* the values that map */
static struct mmu_update requests[ENTRIES];

static uint64_t now(void)
{
    isb();
    return read_sysreg(cntvct_el0);
}

/* A walk through the table that ends in a register, not in an exception: AT S1E1R. */
static void walk(unsigned int n)
{
    __asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(ENTRY_VA(n)) : "memory");
}

/* The counter may tick once in many instructions: the rounds start at different parts of a tick. */
static void shift_phase(unsigned int round)
{
    for (unsigned int i = 0; i < round % 16; i++)
        __asm__ volatile("nop");
}

/* --- Ways to change entries 0 to count - 1 ---------------------------------------------------- */

/* Two forms of a store: only the first has a syndrome that says all about it. */
static inline void store(uint64_t *entry, uint64_t value)
{
    __asm__ volatile("str %x1, [%0]" ::"r"(entry), "rZ"(value) : "memory");
}

static inline uint64_t *store_next(uint64_t *entry, uint64_t value)
{
    __asm__ volatile("str %x1, [%0], #8" : "+r"(entry) : "rZ"(value) : "memory");
    return entry;
}

/* Loops as short as the bare machine's: what is measured is not what a store takes to find. */
static void by_stores(unsigned int count, bool map)
{
    uint64_t *entry = table;
    const uint64_t *value = entries;

    if (map) {
        for (const uint64_t *end = value + count; value < end; value++, entry++)
            store(entry, *value);
    } else {
        for (const uint64_t *end = entry + count; entry < end; entry++)
            store(entry, 0);
    }
}

static void by_stores_next(unsigned int count, bool map)
{
    uint64_t *entry = table;
    const uint64_t *value = entries;

    if (map) {
        for (const uint64_t *end = value + count; value < end; value++)
            entry = store_next(entry, *value);
    } else {
        for (const uint64_t *end = entry + count; entry < end;)
            entry = store_next(entry, 0);
    }
}

/* As a compare-and-swap does it: the loaded value is compared, and kept. */
static void by_stores_exclusive(unsigned int count, bool map)
{
    for (unsigned int i = 0; i < count; i++) {
        uint64_t value = map ? entries[i] : 0;
        uint64_t expected = ((volatile uint64_t *)table)[i];
        uint64_t old;
        uint32_t failed;

        __asm__ volatile("1: ldxr %0, [%2]\n\t"
                         "cmp %0, %4\n\t"
                         "b.ne 2f\n\t"
                         "stxr %w1, %3, [%2]\n\t"
                         "cbnz %w1, 1b\n\t"
                         "2:"
                         : "=&r"(old), "=&r"(failed)
                         : "r"(&table[i]), "r"(value), "r"(expected)
                         : "memory", "cc");
    }
}

static void by_mmu_update(unsigned int count, bool map)
{
    uint64_t machine = virt_to_machine(table);

    for (unsigned int i = 0; i < count; i++)
        requests[i] = (struct mmu_update){machine + 8 * i, map ? entries[i] : 0};
    (void)hyp_mmu_update(requests, count, NULL);
}

static void by_update_va_mapping(unsigned int count, bool map)
{
    for (unsigned int i = 0; i < count; i++)
        (void)hyp_update_va_mapping((const void *)ENTRY_VA(i), map ? entries[i] : 0, UVMF_NONE);
}

/* Each entry gets another page: what the guest means to write from now on. */
static void exchange_pages(void)
{
    uint64_t first = entries[0];

    for (unsigned int i = 0; i + 1 < ENTRIES; i++)
        entries[i] = entries[i + 1];
    entries[ENTRIES - 1] = first;
}

/* --- What Latch asks the processor for --------------------------------------------------------
 * Not in the rounds that are timed: to ask for the counters is a hypercall.
 */

struct costs {
    uint64_t all, va, ipa, lines;
};

static struct latch_counters before;

static void count_from_here(void) { counters_read(&before); }

static void count_to_here(struct costs *costs)
{
    struct latch_counters after;

    counters_read(&after);
    costs->all += after.tlbi_all - before.tlbi_all;
    costs->va += after.tlbi_va - before.tlbi_va;
    costs->ipa += after.tlbi_ipa - before.tlbi_ipa;
    costs->lines += (after.cleaned - before.cleaned) * PAGE_LINES;
}

static void print_costs(const char *name, const char *what, unsigned int operations,
                        const struct costs *c)
{
    print("count: %s_%s %u %lu %lu %lu %lu\n", name, what, operations, c->all, c->va, c->ipa,
          c->lines);
}

/* --- All entries of a table ------------------------------------------------------------------- */

enum kind { MAP, REPLACE, UNMAP, KINDS };
static const char *const kind_names[KINDS] = {"map", "replace", "unmap"};

/* The whole of it: change, make the change seen, walk. What a TLB may hold is flushed as well. */
static uint64_t change(void (*way)(unsigned int, bool), unsigned int count, enum kind kind)
{
    uint64_t start;

    if (kind == REPLACE)
        exchange_pages();
    start = now();
    way(count, kind != UNMAP);
    if (kind == MAP)
        tables_written();
    else
        tlbi_all();
    walk(0);
    return now() - start;
}

static void count_way(const char *name, void (*way)(unsigned int, bool), unsigned int count)
{
    struct costs costs[KINDS] = {{0, 0, 0, 0}};

    for (unsigned int round = 0; round < COUNTED; round++) {
        for (enum kind kind = MAP; kind < KINDS; kind++) {
            count_from_here();
            (void)change(way, count, kind);
            count_to_here(&costs[kind]);
        }
    }
    for (enum kind kind = MAP; kind < KINDS; kind++)
        print_costs(name, kind_names[kind], COUNTED * count, &costs[kind]);
}

static void measure_way(const char *name, void (*way)(unsigned int, bool), unsigned int count)
{
    uint64_t ticks[KINDS] = {0};

    for (enum kind kind = MAP; kind < KINDS; kind++)
        (void)change(way, count, kind);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        for (enum kind kind = MAP; kind < KINDS; kind++) {
            shift_phase(round);
            ticks[kind] += change(way, count, kind);
        }
    }
    for (enum kind kind = MAP; kind < KINDS; kind++)
        print("bench: %s_%s %u %lu\n", name, kind_names[kind], ROUNDS * count, ticks[kind]);
    count_way(name, way, count);
}

/* --- One detach and what reconnects the table, apart ------------------------------------------ */

struct times {
    uint64_t detach;
    uint64_t reconnect;
};

/* The store that detaches, then the others, the entries after the change in force but for a walk.
 */
static void finish_batch(unsigned int count, bool map)
{
    for (unsigned int i = 1; i < count; i++)
        store(&table[i], map ? entries[i] : 0);
    if (map)
        tables_written();
    else
        tlbi_all();
}

static void open_and_walk(unsigned int count, bool map, struct times *times)
{
    uint64_t start = now();
    uint64_t open, written;

    store(&table[0], map ? entries[0] : 0);
    open = now();
    finish_batch(count, map);
    written = now();
    walk(0);
    times->detach += open - start;
    times->reconnect += now() - written;
}

static void count_open(unsigned int count)
{
    struct costs detach = {0, 0, 0, 0}, reconnect[2] = {{0, 0, 0, 0}};

    for (unsigned int round = 0; round < 2 * COUNTED; round++) {
        bool map = round % 2 == 0;

        count_from_here();
        store(&table[0], map ? entries[0] : 0);
        count_to_here(&detach);
        finish_batch(count, map);
        count_from_here();
        walk(0);
        count_to_here(&reconnect[map]);
    }
    print("count: detach_%u %u %lu %lu %lu %lu\n", count, 2 * COUNTED, detach.all, detach.va,
          detach.ipa, detach.lines);
    for (unsigned int map = 0; map < 2; map++)
        print("count: reconnect_%s_%u %u %lu %lu %lu %lu\n", map == 1 ? "map" : "unmap", count,
              COUNTED, reconnect[map].all, reconnect[map].va, reconnect[map].ipa,
              reconnect[map].lines);
}

static void measure_open(unsigned int count)
{
    struct times map = {0, 0}, unmap = {0, 0};

    for (unsigned int round = 0; round < ROUNDS; round++) {
        shift_phase(round);
        open_and_walk(count, true, &map);
        shift_phase(round);
        open_and_walk(count, false, &unmap);
    }
    print("bench: detach_%u %u %lu\n", count, 2 * ROUNDS, map.detach + unmap.detach);
    print("bench: reconnect_map_%u %u %lu\n", count, ROUNDS, map.reconnect);
    print("bench: reconnect_unmap_%u %u %lu\n", count, ROUNDS, unmap.reconnect);
    count_open(count);
}

/* --- Other calls ------------------------------------------------------------------------------ */

static void switch_there_and_back(void)
{
    write_sysreg(space_ttbr(&other), ttbr0_el1);
    isb();
    write_sysreg(space_ttbr(&space), ttbr0_el1);
    isb();
}

static void measure_switch(void)
{
    struct costs costs = {0, 0, 0, 0};
    uint64_t start = now(), ticks;

    for (unsigned int round = 0; round < ROUNDS; round++)
        switch_there_and_back();
    ticks = now() - start;
    print("bench: ttbr0 %u %lu\n", 2 * ROUNDS, ticks);
    count_from_here();
    for (unsigned int round = 0; round < COUNTED; round++)
        switch_there_and_back();
    count_to_here(&costs);
    print_costs("ttbr0", "write", 2 * COUNTED, &costs);
}

static void measure_hypercall(void)
{
    struct costs costs = {0, 0, 0, 0};
    uint64_t start = now(), ticks;

    for (unsigned int round = 0; round < ROUNDS; round++)
        (void)hyp_xen_version(XENVER_version, NULL);
    ticks = now() - start;
    print("bench: xen_version %u %lu\n", ROUNDS, ticks);
    count_from_here();
    for (unsigned int round = 0; round < COUNTED; round++)
        (void)hyp_xen_version(XENVER_version, NULL);
    count_to_here(&costs);
    print_costs("xen_version", "call", COUNTED, &costs);
}

static void prepare(void)
{
    if (assist_set(true) != 0)
        guest_crash();
    for (unsigned int i = 0; i < ENTRIES; i++)
        entries[i] = entry_page(page_alloc(), PAGE_PRIVATE);
    space_create(&other, 2);
    space_map(&other, VA, entries[0]);
    space_load(&other);
    space_create(&space, 1);
    table = space_entry(&space, VA, 3);
    space_load(&space);
}

void guest_main(void)
{
    print("bench: frequency %lu\n", read_sysreg(cntfrq_el0));
    print("bench: start 1 %lu\n", guest_started);
    if (guest_option("start"))
        return;
    prepare();
    if (guest_option("open")) {
        measure_open(1);
        measure_open(64);
        measure_open(ENTRIES);
    }
    measure_way("stores", by_stores, ENTRIES);
    measure_way("stores_next", by_stores_next, ENTRIES);
    measure_way("stores_exclusive", by_stores_exclusive, ENTRIES);
    if (guest_option("calls")) {
        measure_way("mmu_update", by_mmu_update, ENTRIES);
        measure_way("update_va_mapping", by_update_va_mapping, ENTRIES);
        measure_switch();
        measure_hypercall();
    }
    print("bench: end\n");
}
