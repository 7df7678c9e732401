/* SPDX-License-Identifier: Apache-2.0 */
/* The small domains that are searched. Two CPUs each. */
#include "tests/model/model.h"

#define LINK(frame)  (uint8_t)(1 + (frame))
#define RW(frame)    (uint8_t)(1 + MMU_FRAMES + (frame))
#define EL0(frame)   (uint8_t)(1 + 2 * MMU_FRAMES + (frame))
#define RO(frame)    (uint8_t)(1 + 3 * MMU_FRAMES + (frame))
#define BLOCK(frame) (uint8_t)(1 + 4 * MMU_FRAMES + (frame))

static void load(struct world *w, unsigned int cpu, unsigned int which, unsigned int root)
{
    if (world_base(w, cpu, which, root) != HV_OK)
        mmu_fail(&w->mmu, "the tree below frame %u is refused", root);
}

/* Frames 1 to 4 are a tree, by each table's first entry; frame 5 is its page. */
static void fill_tree(struct world *w)
{
    for (unsigned int i = 1; i < 4; i++)
        world_fill(w, i, table_desc(i + 1), desc_of(0));
    world_fill(w, 4, page_desc(5, LEAF_RW), desc_of(0));
}

static void one_tree(struct world *w)
{
    fill_tree(w);
    load(w, 0, 0, 1);
    load(w, 1, 0, 1);
}

static void both_bases(struct world *w)
{
    fill_tree(w);
    load(w, 0, 0, 1);
    load(w, 1, 1, 1);
}

static void fill_only(struct world *w) { fill_tree(w); }
static void nothing(struct world *w) { (void)w; }

/* A second root, over a table of level 2 of its own. */
static void two_roots(struct world *w)
{
    fill_tree(w);
    world_fill(w, 6, table_desc(7), desc_of(0));
    world_fill(w, 7, table_desc(8), desc_of(0));
    load(w, 0, 0, 1);
    load(w, 1, 0, 6);
}

/* Guarded: the tree in TTBR0_EL1 of both, not walked yet. */
static void guarded_tree(struct world *w)
{
    for (unsigned int i = 1; i < 4; i++)
        world_fill(w, i, guarded_table_desc(i + 1), desc_of(0));
    world_fill(w, 4, page_desc(5, LEAF_RW), desc_of(0));
    world_user_base(w, 0, 1, 0);
    world_user_base(w, 1, 1, 0);
}

/* .. and in TTBR1_EL1 of the second, where it is judged already. */
static void guarded_both(struct world *w)
{
    guarded_tree(w);
    world_user_base(w, 1, MMU_NONE, 0);
    if (world_kernel_base(w, 1, 1, 0) != HV_OK)
        mmu_fail(&w->mmu, "the tree below frame 1 is refused");
}

#define GUARDED(n)                                                                                 \
    {                                                                                              \
        .frames = 6, .slots = (n), .policy = PTWR_POLICY_EMULATE, .action = PTWR_ACTION_REFUSE,    \
        .cpus = 2, .guarded = true, .count_users = true                                            \
    }

#define DOMAIN(n, m, answer)                                                                       \
    {                                                                                              \
        .frames = (n), .slots = (m), .assist = true, .policy = PTWR_POLICY_EMULATE,                \
        .action = PTWR_ACTION_##answer, .cpus = 2                                                  \
    }

const struct model_domain model_domains[] = {
    {
        .name = "page",
        .about = "a tree of which the level-3 table changes",
        .config = DOMAIN(5, 1, REFUSE),
        .prepare = one_tree,
        .first = 4,
        .last = 4,
        .values = {0, RW(4), RO(5), RW(0)},
        .nr_values = 4,
        .calls = CALL(ACT_SYNC) | CALL(ACT_WALK) | CALL(ACT_FLUSH) | CALL(ACT_PREEMPT) |
                 CALL(ACT_ACCESS) | CALL(ACT_UPDATE),
        .stores = true,
    },
    {
        .name = "crash",
        .about = "the same where an illegal entry stops the domain, with two slots and a pin",
        .config = DOMAIN(6, 2, CRASH),
        .prepare = one_tree,
        .first = 4,
        .last = 6,
        .values = {0, RO(5), RW(0)},
        .nr_values = 3,
        .calls = CALL(ACT_SYNC) | CALL(ACT_PIN) | CALL(ACT_UNPIN),
        .levels = CALL(3),
        .stores = true,
    },
    {
        .name = "three",
        .about = "three plain frames become tables of level 2 and 3, one entry at a time",
        .config = DOMAIN(3, 1, REFUSE),
        .prepare = nothing,
        .first = 1,
        .last = 3,
        .values = {0, LINK(2), RW(1)},
        .nr_values = 3,
        .calls = CALL(ACT_PIN) | CALL(ACT_UNPIN) | CALL(ACT_SYNC),
        .budget = 1,
        .levels = CALL(2) | CALL(3),
    },
    {
        .name = "pair",
        .about = "two vCPUs pin, unpin and load what the other is in the middle of",
        .config = DOMAIN(5, 1, REFUSE),
        .prepare = fill_only,
        .first = 1,
        .last = 4,
        .values = {0, LINK(3)},
        .nr_values = 1,
        .calls =
            CALL(ACT_PIN) | CALL(ACT_UNPIN) | CALL(ACT_BASE) | CALL(ACT_NO_BASE) | CALL(ACT_AGAIN),
        .budget = 1,
    },
    {
        .name = "vcpus",
        .about = "two vCPUs update, open, reconnect and remove, each coming back at any time",
        .config = DOMAIN(6, 2, REFUSE),
        .prepare = one_tree,
        .first = 3,
        .last = 4,
        .values = {0, LINK(6), RW(0)},
        .nr_values = 3,
        .calls = CALL(ACT_UPDATE) | CALL(ACT_SYNC) | CALL(ACT_WALK) | CALL(ACT_REMOVE) |
                 CALL(ACT_AGAIN) | CALL(ACT_PREEMPT),
        .stores = true,
        .budget = 1,
    },
    {
        .name = "link",
        .about = "a tree of which the level-2 table links and drops the two below it",
        .config = DOMAIN(5, 1, REFUSE),
        .prepare = one_tree,
        .first = 3,
        .last = 5,
        .values = {0, LINK(4), LINK(5)},
        .nr_values = 3,
        .calls = CALL(ACT_SYNC) | CALL(ACT_FLUSH) | CALL(ACT_WORK) | CALL(ACT_WALK),
        .stores = true,
    },
    {
        .name = "block",
        .about = "two roots: blocks and tables for the same VAs",
        .config = DOMAIN(9, 1, REFUSE),
        .prepare = two_roots,
        .first = 3,
        .last = 3,
        .values = {0, LINK(4), BLOCK(8)},
        .nr_values = 3,
        .calls = CALL(ACT_BASE) | CALL(ACT_FLUSH) | CALL(ACT_SYNC),
        .stores = true,
    },
    {
        .name = "alias",
        .about = "a level-3 table that is linked, opened and written past the caches",
        .config = DOMAIN(5, 1, REFUSE),
        .prepare = one_tree,
        .first = 3,
        .last = 4,
        .values = {0, LINK(4), RW(0)},
        .nr_values = 3,
        .calls = CALL(ACT_SYNC) | CALL(ACT_ACCESS),
        .stores = true,
        .nc = true,
    },
    {
        .name = "roots",
        .about = "a tree in TTBR0_EL1 of one CPU and TTBR1_EL1 of the other, two slots",
        .config = DOMAIN(5, 2, REFUSE),
        .prepare = both_bases,
        .first = 1,
        .last = 4,
        .values = {0, LINK(3), LINK(4)},
        .nr_values = 3,
        .calls = CALL(ACT_BASE) | CALL(ACT_NO_BASE) | CALL(ACT_SYNC) | CALL(ACT_FLUSH),
        .stores = true,
    },
    {
        .name = "strict",
        .about = "the assist goes on and off; memory leaves and comes back",
        .config = DOMAIN(5, 1, REFUSE),
        .prepare = one_tree,
        .first = 4,
        .last = 5,
        .values = {0, RW(4), EL0(5)},
        .nr_values = 3,
        .calls = CALL(ACT_ASSIST) | CALL(ACT_REMOVE) | CALL(ACT_ADD) | CALL(ACT_SYNC) |
                 CALL(ACT_UPDATE) | CALL(ACT_PIN),
        .stores = true,
    },
    {
        .name = "parked",
        .about = "guarded: a tree whose tables are opened below a root that is parked",
        .config = GUARDED(2),
        .prepare = guarded_tree,
        .first = 3,
        .last = 4,
        .values = {0, LINK(4), RW(5)},
        .nr_values = 3,
        .calls = CALL(ACT_WALK) | CALL(ACT_SYNC) | CALL(ACT_PREEMPT) | CALL(ACT_NO_BASE) |
                 CALL(ACT_BASE),
        .stores = true,
    },
    {
        .name = "kept",
        .about = "guarded: roots come, are kept, dropped and judged in pieces, in both bases",
        .config = GUARDED(1),
        .prepare = guarded_both,
        .first = 1,
        .last = 3,
        .values = {0, LINK(3)},
        .nr_values = 2,
        .calls =
            CALL(ACT_WALK) | CALL(ACT_BASE) | CALL(ACT_NO_BASE) | CALL(ACT_AGAIN) | CALL(ACT_OFF),
        .stores = true,
        .budget = 1,
    },
};

const unsigned int model_nr_domains = ARRAY_SIZE(model_domains);
