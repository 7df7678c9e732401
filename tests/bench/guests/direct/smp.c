/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table update costs vCPU 0 while the domain's other vCPUs do nothing ("idle": WFI) or store
 * to live tables of their own between any two steps ("busy"); "bench: NAME OPERATIONS TICKS". What
 * a store to a table means is the domain's latch,ptwr-policy; "open" asks for the steps of a batch.
 *
 * One vCPU runs at a time, and time is what all execute together. The others get their turns
 * between what is timed, so the figures are vCPU 0's alone, unless Latch invalidates: QEMU changes
 * CPUs then.
 */
#include "others.h"

#include "common/print.h"
#include "direct/guest.h"
#include "direct/hypercall.h"
#include "direct/memory.h"
#include "direct/table.h"

#define ENTRIES     512u
#define ROUNDS      64u
#define BATCH       64u /* entries changed in a detached table */
#define VA          OTHERS_VA
#define ENTRY_VA(n) (VA + (uint64_t)(n)*PAGE_SIZE)

static uint64_t *table;
static uint64_t entries[ENTRIES];
static struct mmu_update requests[ENTRIES];

static uint64_t now(void)
{
    isb();
    return read_sysreg(cntvct_el0);
}

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

static inline void store(uint64_t *entry, uint64_t value)
{
    __asm__ volatile("str %x1, [%0]" ::"r"(entry), "rZ"(value) : "memory");
}

/* Each other vCPU gets on. */
static void let_others_run(void)
{
    for (unsigned int i = 0; i < 4; i++)
        yield();
}

/* The ticks of single steps. A step in which QEMU gave the others a turn holds what they did. */
struct samples {
    unsigned int count;
    uint64_t ticks[ENTRIES];
};

static struct samples samples[2];

static void sample(struct samples *s, uint64_t ticks)
{
    unsigned int at = s->count++;

    for (; at > 0 && s->ticks[at - 1] > ticks; at--)
        s->ticks[at] = s->ticks[at - 1];
    s->ticks[at] = ticks;
}

/* All but the sixteenth at either end. */
static void print_samples(const char *name, struct samples *s)
{
    unsigned int cut = s->count / 16;
    uint64_t sum = 0;

    for (unsigned int i = cut; i < s->count - cut; i++)
        sum += s->ticks[i];
    print("bench: %s %u %lu\n", name, s->count - 2 * cut, sum);
    s->count = 0;
}

static uint64_t timed_store(unsigned int n, uint64_t value)
{
    uint64_t start = now();

    store(&table[n], value);
    return now() - start;
}

static void measure_stores(void)
{
    for (unsigned int i = 0; i < 2 * ENTRIES; i++) {
        bool map = i < ENTRIES;
        unsigned int n = i % ENTRIES;

        let_others_run();
        shift_phase(n);
        sample(&samples[map], timed_store(n, map ? entries[n] : 0));
    }
    tlbi_all();
    print_samples("stores_map", &samples[true]);
    print_samples("stores_unmap", &samples[false]);
}

static uint64_t timed_updates(bool map)
{
    uint64_t machine = virt_to_machine(table);
    uint64_t start, ticks;

    for (unsigned int i = 0; i < ENTRIES; i++)
        requests[i] = (struct mmu_update){machine + 8 * i, map ? entries[i] : 0};
    let_others_run();
    start = now();
    (void)hyp_mmu_update(requests, ENTRIES, NULL);
    ticks = now() - start;
    if (!map)
        tlbi_all();
    return ticks;
}

static void measure_updates(void)
{
    for (unsigned int round = 0; round < 2 * ROUNDS; round++)
        sample(&samples[round % 2 == 0], timed_updates(round % 2 == 0));
    print_samples("updates_map", &samples[true]);
    print_samples("updates_unmap", &samples[false]);
}

static void measure_batches(void)
{
    uint64_t start;

    for (unsigned int round = 0; round < ROUNDS; round++) {
        bool map = round % 2 == 0;

        let_others_run();
        shift_phase(round);
        sample(&samples[0], timed_store(0, map ? entries[0] : 0));
        let_others_run();
        for (unsigned int i = 1; i < BATCH; i++)
            store(&table[i], map ? entries[i] : 0);
        tlbi_all();
        let_others_run();
        start = now();
        walk(0);
        sample(&samples[1], now() - start);
    }
    print_samples("detach", &samples[0]);
    print_samples("reconnect", &samples[1]);
}

static void prepare(void)
{
    if (assist_set(true) != 0)
        guest_crash();
    for (unsigned int i = 0; i < ENTRIES; i++)
        entries[i] = entry_page(page_alloc(), PAGE_PRIVATE);
    others_prepare(entries);
    table = others_table[0];
}

void guest_main(void)
{
    uint64_t before;

    print("bench: frequency %lu\n", read_sysreg(cntfrq_el0));
    prepare();
    others_start();
    before = others_rounds();
    if (guest_option("open")) {
        measure_batches();
    } else {
        measure_stores();
        measure_updates();
    }
    print("count: others 1 %lu\n", others_rounds() - before);
    print("bench: end\n");
}
