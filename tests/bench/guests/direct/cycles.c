/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the cost table for gem5, whose statistics say what each took: this guest says only where
 * a row begins and ends, by gem5's own instructions, which exist nowhere else. "row: NAME
 * OPERATIONS" is printed for each block of statistics, in order. latch,ptwr-policy says what stores
 * to tables do.
 */
#include "common/print.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/table.h"

#define ENTRIES     512u
#define ROUNDS      16u
#define VA          UINT64_C(0x40000000)
#define ENTRY_VA(n) (VA + (uint64_t)(n)*PAGE_SIZE)

static struct space space, other;
static uint64_t *table;
static uint64_t entries[ENTRIES];
static struct mmu_update requests[ENTRIES];

/* m5_reset_stats, m5_dump_stats: x0 and x1 say when, at once and never again. */
static void begin(void)
{
    register uint64_t x0 __asm__("x0") = 0;
    register uint64_t x1 __asm__("x1") = 0;

    __asm__ volatile("dsb sy\n\tisb\n\t.inst 0xff400110" : "+r"(x0), "+r"(x1)::"memory");
}

static void end(const char *name, unsigned int operations)
{
    register uint64_t x0 __asm__("x0") = 0;
    register uint64_t x1 __asm__("x1") = 0;

    __asm__ volatile("dsb sy\n\tisb\n\t.inst 0xff410110" : "+r"(x0), "+r"(x1)::"memory");
    print("row: %s %u\n", name, operations);
}

static void look(unsigned int n) { (void)*(const volatile uint64_t *)ENTRY_VA(n); }

static void put(unsigned int n, bool map)
{
    *(volatile uint64_t *)&table[n] = map ? entries[n] : 0;
}

#define ROW(name, operations, what)                                                                \
    do {                                                                                           \
        begin();                                                                                   \
        for (unsigned int i = 0; i < (operations); i++) {                                          \
            what;                                                                                  \
        }                                                                                          \
        end(name, operations);                                                                     \
    } while (0)

static void basics(void)
{
    ROW("empty", ROUNDS, __asm__ volatile("" ::: "memory"));
    ROW("load", ROUNDS, look(0));
    ROW("tlbi-vmalle1is", ROUNDS, tlbi_all());
    ROW("tlbi-vaae1is", ROUNDS, tlbi_page(VA));
    ROW("load-cold", ROUNDS, tlbi_all(); look(0));
    ROW("clean-64-lines", ROUNDS,
        for (unsigned int line = 0; line < 64;
             line++) __asm__ volatile("dc civac, %0" ::"r"((char *)(void *)entries + 64 * line)
                                      : "memory");
        dsb_ish());
    ROW("hypercall", ROUNDS, (void)hyp_xen_version(XENVER_version, NULL));
    ROW("ttbr0", ROUNDS, write_sysreg(space_ttbr(i % 2 == 0 ? &other : &space), ttbr0_el1); isb());
}

static void detach_and_reconnect(unsigned int count, const char *name)
{
    for (unsigned int i = 0; i < count; i++)
        put(i, false);
    tlbi_all(); /* a leaf that is cached needs no table */
    look(ENTRIES - 1);
    begin();
    put(0, true);
    end("detach", 1);
    for (unsigned int i = 1; i < count; i++)
        put(i, true);
    begin();
    tables_written();
    look(0);
    end(name, 1);
}

static void update(unsigned int count)
{
    uint64_t machine = virt_to_machine(table);

    for (unsigned int i = 0; i < count; i++)
        requests[i] = (struct mmu_update){machine + 8 * i, entries[i]};
    begin();
    (void)hyp_mmu_update(requests, count, NULL);
    end("mmu-update", count);
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
    put(0, true);
    put(ENTRIES - 1, true);
    space_load(&space);
    look(0);
}

void guest_main(void)
{
    prepare();
    if (!guest_option("open")) {
        basics();
        ROW("emulated", ROUNDS, put(1 + i, true));
        ROW("emulated-invalid", ROUNDS, put(1 + i, false));
        update(ENTRIES - 1);
        return;
    }
    detach_and_reconnect(1, "reconnect-1"); /* fills the caches */
    detach_and_reconnect(1, "reconnect-1");
    detach_and_reconnect(64, "reconnect-64");
    detach_and_reconnect(ENTRIES - 1, "reconnect-511");
    for (unsigned int i = 0; i < ENTRIES - 1; i++)
        put(i, false);
    tlbi_all(); /* a leaf that is cached needs no table */
    look(ENTRIES - 1);
    begin();
    for (unsigned int i = 0; i < ENTRIES - 1; i++)
        put(i, true);
    tables_written();
    look(0);
    end("batch", ENTRIES - 1);
}
