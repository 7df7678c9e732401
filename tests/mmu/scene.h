/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of named tests share: a domain on the model of a memory system, its usual tree,
 * and each test run twice: on two CPUs, and on four whose broadcast TLBI completes too early (M11).
 * Each program has a domain of its own.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/mmu/world.h"

static struct world w;
static bool erratum;
static unsigned int cpus;

/* The tree of most tests: frame 1 is the root, 2 and 3 follow, 4 is the level-3 table. */
#define ROOT 1
#define L1   2
#define L2   3
#define L3   4

/* Pages that the entries of level-3 tables 0 and 1 of L2 map. */
#define PAGE(table, entry) (2 * (table) + (entry))

#define BAD  page_desc(0, LEAF_RW) /* maps another domain's frame */
#define NONE desc_of(0)

static inline void begin(unsigned int frames, unsigned int slots, enum ptwr_policy policy)
{
    const struct world_config config = {
        .frames = frames,
        .slots = slots,
        .assist = true,
        .policy = policy,
        .action = PTWR_ACTION_REFUSE,
        .cpus = cpus,
    };

    world_init(&w, &config);
    w.mmu.erratum = erratum;
}

static inline void tree(unsigned int frames, unsigned int slots, enum ptwr_policy policy)
{
    begin(frames, slots, policy);
    world_fill(&w, ROOT, table_desc(L1), NONE);
    world_fill(&w, L1, table_desc(L2), NONE);
    world_fill(&w, L2, table_desc(L3), NONE);
    world_fill(&w, L3, page_desc(5, LEAF_RW), NONE);
    for (unsigned int cpu = 0; cpu < w.mmu.cpus; cpu++)
        assert_int_equal(world_base(&w, cpu, 0, ROOT), HV_OK);
}

/* Nothing went wrong up to here. */
static inline void sound(void)
{
    world_check(&w);
    assert_string_equal(w.mmu.failed, "");
}

static inline bool storable(unsigned int frame) { return (mmu_storable(&w.mmu) >> frame & 1) != 0; }
static inline bool walkable(unsigned int frame) { return (mmu_walkable(&w.mmu) >> frame & 1) != 0; }
static inline unsigned int state(unsigned int frame) { return w.frames[frame].state; }

static inline uint64_t entry(unsigned int frame, unsigned int index)
{
    return mmu_entry_value(&w.mmu, frame, index).raw;
}

/* Open a table by a store of its entry `index`, on CPU 0. */
static inline void open_table(unsigned int frame, unsigned int index, desc_t value)
{
    enum ptwr_policy policy = w.p.policy;

    w.p.policy = PTWR_POLICY_OPEN;
    assert_int_equal(world_store(&w, 0, frame, index, value), PTWR_DONE);
    w.p.policy = policy;
    assert_int_equal(state(frame), FRAME_OPEN);
}

#define TEST(name) {#name, run_##name, NULL, NULL, NULL},
#define DEFINE(name)                                                                               \
    static void run_##name(void **unused)                                                          \
    {                                                                                              \
        (void)unused;                                                                              \
        erratum = false;                                                                           \
        cpus = 2;                                                                                  \
        name();                                                                                    \
        erratum = true;                                                                            \
        cpus = 4;                                                                                  \
        name();                                                                                    \
    }

/* The program of the tests that X-macro TESTS lists. */
#define MAIN(TESTS)                                                                                \
    TESTS(DEFINE)                                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest tests[] = {TESTS(TEST)};                                           \
                                                                                                   \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }
