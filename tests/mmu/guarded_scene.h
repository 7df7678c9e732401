/* SPDX-License-Identifier: Apache-2.0 */
/* scene.h for guarded domains: the same tree, in entries without WALK. */
#pragma once

#include "tests/mmu/scene.h"

#define T(frame) guarded_table_desc(frame)

/* Frame 0 is a guarded domain's own: what it may not name is the walk window. */
#undef BAD
#define BAD desc_of(page_desc(5, LEAF_RO).raw | MMU_WALK)

static inline void guarded(unsigned int frames, unsigned int slots)
{
    const struct world_config config = {
        .frames = frames,
        .slots = slots,
        .policy = PTWR_POLICY_EMULATE,
        .action = PTWR_ACTION_REFUSE,
        .cpus = cpus,
        .guarded = true,
        .count_users = true,
    };

    world_init(&w, &config);
    w.mmu.erratum = erratum;
    world_fill(&w, ROOT, T(L1), NONE);
    world_fill(&w, L1, T(L2), NONE);
    world_fill(&w, L2, T(L3), NONE);
    world_fill(&w, L3, page_desc(5, LEAF_RW), NONE);
}

static inline enum world_result load(unsigned int cpu, unsigned int page)
{
    return world_access(&w, cpu, page, false);
}

/* The tree in TTBR0_EL1 of every CPU, and walked once. */
static inline void user_tree(unsigned int frames, unsigned int slots)
{
    guarded(frames, slots);
    for (unsigned int cpu = 0; cpu < cpus; cpu++)
        world_user_base(&w, cpu, ROOT, 0);
    assert_int_equal(load(0, 0), WORLD_OK);
    sound();
}
