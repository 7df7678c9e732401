/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model itself: each way to lose the guarantee, by the sequence of effects of an engine that
 * does not know of it. A model that let one of these pass would prove nothing.
 */
#include <string.h>

#include "ptwr/port.h"
#include "ptwr/sequence.h"
#include "tests/mmu/scene.h"

static mfn_t frame(unsigned int number) { return mfn_of(number); }

/* The model has seen it: something went wrong, in these words. */
static void caught(const char *words)
{
    if (strstr(w.mmu.failed, words) == NULL)
        fail_msg("the model says \"%s\", not \"%s\"", w.mmu.failed, words);
}

static void start(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_access(&w, 1, PAGE(0, 0), true), WORLD_OK);
    w.mmu.cpu = 0;
    sound();
}

static void hide(unsigned int table)
{
    ptwr_port_s2_store(&w.mmu, PTWR_WALK, frame(table), PTWR_UNMAPPED);
}

static void show_writable(unsigned int table)
{
    ptwr_port_s2_store(&w.mmu, PTWR_DATA, frame(table), PTWR_RW);
}

/* A1: a table that nothing refers to any more is writable at once. */
static void a1_naive_table_is_plain_when_its_count_is_zero(void)
{
    start();
    ptwr_port_store(&w.mmu, frame(L2), 0, NONE);
    hide(L3);
    ptwr_port_dsb_ish(&w.mmu);
    show_writable(L3);
    caught("can be stored to while walks may come to it");
}

/* A2: both TLBIs, and one DSB behind them. */
static void a2_naive_detach_without_the_middle_dsb(void)
{
    start();
    hide(L3);
    ptwr_port_dsb_ishst(&w.mmu);
    ptwr_port_tlbi_ipas2e1is(&w.mmu, PTWR_WALK, frame(L3));
    ptwr_port_tlbi_vmalle1is(&w.mmu);
    ptwr_port_dsb_ish(&w.mmu);
    ptwr_port_tlbi_repeat(&w.mmu);
    show_writable(L3);
    caught("can be stored to while walks may come to it");
}

/* A2, the other stage alone: entries that combine both stages are tagged by VA. */
static void a2_naive_detach_by_ipa_only(void)
{
    start();
    hide(L3);
    ptwr_port_dsb_ishst(&w.mmu);
    ptwr_port_tlbi_ipas2e1is(&w.mmu, PTWR_WALK, frame(L3));
    ptwr_port_dsb_ish(&w.mmu);
    ptwr_port_tlbi_repeat(&w.mmu);
    show_writable(L3);
    caught("can be stored to while walks may come to it");
}

/* A3: sound but for CPUs whose broadcast TLBI completes before others' stores are seen. */
static void a3_naive_protection_without_the_repeated_tlbi(void)
{
    start();
    ptwr_port_s2_store(&w.mmu, PTWR_DATA, frame(5), PTWR_RO);
    ptwr_port_dsb_ishst(&w.mmu);
    ptwr_port_tlbi_ipas2e1is(&w.mmu, PTWR_DATA, frame(5));
    ptwr_port_dsb_ish(&w.mmu);
    ptwr_port_tlbi_vmalle1is(&w.mmu);
    ptwr_port_dsb_ish(&w.mmu);
    assert_int_equal(storable(5), erratum);
    (void)ptwr_port_load(&w.mmu, frame(5), 0);
    if (erratum)
        caught("EL2 reads frame 5 while a CPU can store to it");
    else
        assert_string_equal(w.mmu.failed, "");
}

/* A4: the line is judged, the walker reads DRAM. */
static void a4_naive_table_is_read_without_a_clean(void)
{
    start();
    world_fill(&w, 6, NONE, NONE);
    assert_true(mmu_guest_store(&w.mmu, 6, 0, BAD, MMU_NC_CLEAN));
    ptwr_port_s2_store(&w.mmu, PTWR_DATA, frame(6), PTWR_RO);
    sequence_flush(&w.p);
    ptwr_port_dsb_ishst(&w.mmu);
    ptwr_port_tlbi_vmalls12e1is(&w.mmu);
    ptwr_port_dsb_ish(&w.mmu);
    ptwr_port_tlbi_repeat(&w.mmu);
    assert_int_equal(ptwr_port_load(&w.mmu, frame(6), 0).raw, 0); /* which is legal */
    w.frames[6].type = FRAME_TABLE_L3;
    w.frames[6].state = FRAME_ATTACHED;
    sequence_attach(&w.p, frame(6));
    assert_string_equal(w.mmu.failed, "");
    ptwr_port_store(&w.mmu, frame(L2), 1, table_desc(6));
    caught("not the domain's");
}

/* A8: one VA of a level-2 table; what else it names stays in walk caches. */
static void a8_naive_higher_level_is_opened_by_va(void)
{
    start();
    world_fill(&w, 6, page_desc(5, LEAF_RO), NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(6)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L1, 1, table_desc(L2)), PTWR_DONE);
    sound();
    sequence_detach(&w.p, frame(L2), &(const va_t){0});
    show_writable(L2);
    caught("can be stored to while walks may come to it");
}

/* A9: the link to an open table is stored, and the table shown again because it is linked. */
static void a9_naive_link_to_an_open_table(void)
{
    start();
    open_table(L3, 1, BAD);
    w.mmu.cpu = 1;
    ptwr_port_store(&w.mmu, frame(L2), 1, table_desc(L3));
    sequence_attach(&w.p, frame(L3));
    caught("frame 4");
}

/* A14: another address under a valid bit that never went away. */
static void a14_naive_change_without_a_break(void)
{
    start();
    ptwr_port_store(&w.mmu, frame(L3), 0, page_desc(6, LEAF_RO));
    caught("was not broken before");
}

/* A14: the guest's own break, which it has not flushed, and a block for a table. */
static void a14_naive_block_after_a_link_that_was_not_flushed(void)
{
    start();
    ptwr_port_store(&w.mmu, frame(L2), 0, NONE);
    ptwr_port_dsb_ish(&w.mmu);
    ptwr_port_store(&w.mmu, frame(L2), 0, block_desc(6, LEAF_RW));
    caught("may take the block of page 0 for a table");
}

/* F1: a level-3 table that two entries link, detached at the VA of one. */
static void f1_naive_table_of_two_vas_is_opened_by_one(void)
{
    start();
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(L3)), PTWR_DONE);
    sound();
    sequence_detach(&w.p, frame(L3), &(const va_t){0});
    show_writable(L3);
    caught("can be stored to while walks may come to it");
}

static void hole(struct mmu *m)
{
    if (mmu_sees_hole(m, 1, PAGE(0, 0)))
        mmu_fail(m, "another CPU finds the page unmapped");
}

/* F4: broken and made by the book, in sight of the other CPU. */
static void f4_naive_break_in_sight_of_others(void)
{
    start();
    w.mmu.hook = hole;
    ptwr_port_store(&w.mmu, frame(L3), 0, NONE);
    sequence_flush(&w.p);
    ptwr_port_store(&w.mmu, frame(L3), 0, page_desc(6, LEAF_RO));
    ptwr_port_dsb_ish(&w.mmu);
    w.mmu.hook = NULL;
    caught("another CPU finds the page unmapped");
}

/* B14: a writer that opens the table again before the walk is repeated, every time. */
static void b14_naive_policy_starves_a_walk(void)
{
    unsigned int waited = 0;

    start();
    while (waited < 100) {
        w.p.pause = 0; /* a policy that knows no pauses */
        w.p.policy = PTWR_POLICY_OPEN;
        (void)world_store(&w, 0, L3, 1, page_desc(7, (waited & 1) != 0 ? LEAF_RO : LEAF_RW));
        if (world_access_once(&w, 1, PAGE(0, 0), false, PTWR_BUDGET) != WORLD_RETRY)
            break;
        waited++;
    }
    assert_int_equal(waited, 100);
    sound();
}

#define TESTS(X)                                                                                   \
    X(a1_naive_table_is_plain_when_its_count_is_zero)                                              \
    X(a2_naive_detach_without_the_middle_dsb)                                                      \
    X(a2_naive_detach_by_ipa_only)                                                                 \
    X(a3_naive_protection_without_the_repeated_tlbi)                                               \
    X(a4_naive_table_is_read_without_a_clean)                                                      \
    X(a8_naive_higher_level_is_opened_by_va)                                                       \
    X(a9_naive_link_to_an_open_table)                                                              \
    X(a14_naive_change_without_a_break)                                                            \
    X(a14_naive_block_after_a_link_that_was_not_flushed)                                           \
    X(f1_naive_table_of_two_vas_is_opened_by_one)                                                  \
    X(f4_naive_break_in_sight_of_others)                                                           \
    X(b14_naive_policy_starves_a_walk)

MAIN(TESTS)
