/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of stores to live page tables, under the domain's latch,ptwr-policy, and the same as lists
 * of mmu_update: "bench: NAME STORES TICKS", the walk after each run included. Each length of run
 * has a program place of its own, as each loop of a kernel has.
 */
#include "common/print.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/table.h"

#define ENTRIES  512u
#define TABLES   4u
#define VA       UINT64_C(0x40000000)
#define SPAN     (ENTRIES * PAGE_SIZE)
#define NOINLINE __attribute__((noinline))

static struct space space;
static uint64_t *table[TABLES];
static uint64_t entries[ENTRIES];
static struct mmu_update requests[ENTRIES];

static uint64_t now(void)
{
    isb();
    return read_sysreg(cntvct_el0);
}

/* What was changed is seen and used. */
static void touch(unsigned int t)
{
    tables_written();
    __asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(VA + t * SPAN) : "memory");
}

static inline void store(uint64_t *entry, uint64_t value)
{
    __asm__ volatile("str %x1, [%0]" ::"r"(entry), "rZ"(value) : "memory");
}

static inline void run(unsigned int t, unsigned int count, bool map)
{
    for (unsigned int i = 1; i <= count; i++)
        store(&table[t][i % ENTRIES], map ? entries[i % ENTRIES] : 0);
    touch(t);
}

#define PLACE(n)                                                                                   \
    static NOINLINE void run_##n(unsigned int t, bool map) { run(t, (n), map); }
PLACE(1)
PLACE(2)
PLACE(4)
PLACE(8)
PLACE(16)
PLACE(32)
PLACE(64)
PLACE(128)
PLACE(256)
PLACE(512)

static const struct {
    unsigned int count;
    void (*run)(unsigned int t, bool map);
} places[] = {
    {1, run_1},   {2, run_2},   {4, run_4},     {8, run_8},     {16, run_16},
    {32, run_32}, {64, run_64}, {128, run_128}, {256, run_256}, {512, run_512},
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static void by_mmu_update(unsigned int t, unsigned int count, bool map)
{
    uint64_t machine = virt_to_machine(table[t]);

    for (unsigned int i = 0; i < count; i++)
        requests[i] = (struct mmu_update){machine + 8 * i, map ? entries[i] : 0};
    (void)hyp_mmu_update(requests, count, NULL);
    touch(t);
}

/* Two rounds for each table: entries come, entries go. */
static unsigned int rounds_of(unsigned int count) { return 2 * TABLES * (2048 / count / 8 + 1); }

static void measure(unsigned int place)
{
    unsigned int count = places[place].count, rounds = rounds_of(count);
    uint64_t start = now();

    for (unsigned int round = 0; round < rounds; round++)
        places[place].run(round % TABLES, round / TABLES % 2 == 0);
    print("bench: runs_%u %u %lu\n", count, rounds * count, now() - start);
    start = now();
    for (unsigned int round = 0; round < rounds; round++)
        by_mmu_update(round % TABLES, count, round / TABLES % 2 == 0);
    print("bench: lists_%u %u %lu\n", count, rounds * count, now() - start);
}

/* Most runs are short, most entries lie in long ones. */
static void measure_mix(void)
{
    uint64_t start = now();
    unsigned int stores = 0;

    for (unsigned int round = 0; round < 16 * TABLES; round++) {
        unsigned int t = round % TABLES;
        bool map = round / TABLES % 2 == 0;

        for (unsigned int place = 0; place < PLACES; place++) {
            unsigned int times = place < 4 ? 4 : 1;

            if (place >= 5 && round / TABLES % 8 != 2 * (place - 5) % 8)
                continue;
            for (unsigned int i = 0; i < times; i++)
                places[place].run((t + i) % TABLES, map);
            stores += times * places[place].count;
        }
    }
    print("bench: mix %u %lu\n", stores, now() - start);
}

void guest_main(void)
{
    print("bench: frequency %lu\n", read_sysreg(cntfrq_el0));
    if (assist_set(true) != 0)
        guest_crash();
    for (unsigned int i = 0; i < ENTRIES; i++)
        entries[i] = entry_page(page_alloc(), PAGE_PRIVATE);
    space_create(&space, 1);
    for (unsigned int t = 0; t < TABLES; t++)
        table[t] = space_entry(&space, VA + t * SPAN, 3);
    space_load(&space);
    for (unsigned int place = 0; place < PLACES; place++)
        measure(place);
    measure_mix();
    print("bench: end\n");
}
