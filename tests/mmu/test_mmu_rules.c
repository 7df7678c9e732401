/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is refused, by every way in, and each kind of store.
 */
#include "ptwr/type.h"
#include "ptwr/validate.h"
#include "tests/mmu/scene.h"

/* --- What is refused, and what is not --------------------------------------------------------- */

/* Every way in refuses the value, and leaves nothing behind. */
static void expect_refused(unsigned int level, desc_t value)
{
    static const unsigned int table[] = {ROOT, L1, L2, L3};

    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, table[level], 1, value), PTWR_INJECT);
    assert_int_equal(world_update(&w, 0, table[level], 1, value), HV_EINVAL);
    sound();
    world_fill(&w, 8, value, NONE);
    assert_int_equal(world_pin(&w, 0, 8, level), HV_EINVAL);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    open_table(table[level], 1, value);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(entry(table[level], 1), value.raw & ~DESC_VALID);
    sound();
}

static void refused_bits(void)
{
    static const unsigned int of_leaf[] = {48, 49, 50, 52, 59, 60, 61, 62, 63};
    static const unsigned int of_table[] = {48, 49, 50, 63};

    for (unsigned int i = 0; i < ARRAY_SIZE(of_leaf); i++) {
        expect_refused(3, page_desc(6, BIT64(of_leaf[i])));
        expect_refused(2, block_desc(6, BIT64(of_leaf[i])));
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(of_table); i++)
        expect_refused(2, desc_of(table_desc(6).raw | BIT64(of_table[i])));
    expect_refused(3, desc_of(page_desc(6, LEAF_RO).raw & ~DESC_TABLE));
    expect_refused(3, page_desc(6, BIT64(8))); /* reserved shareability */
}

static void refused_addresses(void)
{
    expect_refused(3, page_desc(0, LEAF_RO));
    expect_refused(3, page_desc(300, LEAF_RO));
    expect_refused(3, desc_of(page_desc(6, LEAF_RO).raw | MMU_WALK));
    expect_refused(3, desc_of(page_desc(6, LEAF_RO).raw | BIT64(22)));
    expect_refused(3, desc_of(page_desc(6, LEAF_RO).raw | BIT64(47)));
    expect_refused(2, desc_of(table_desc(6).raw & ~MMU_WALK));
    expect_refused(2, desc_of(table_desc(6).raw | BIT64(22)));
    expect_refused(2, desc_of(table_desc(6).raw | BIT64(47)));
    expect_refused(2, table_desc(0));
    expect_refused(2, table_desc(300));
    expect_refused(2, block_desc(7, LEAF_RO)); /* off its boundary */
    expect_refused(2, block_desc(0, LEAF_RO)); /* its first frame is another domain's */
    expect_refused(1, block_desc(4, LEAF_RO));
    expect_refused(0, block_desc(8, LEAF_RO));
}

static void refused_devices(void)
{
    unsigned int device = MMU_DEVICE >> PAGE_SHIFT;

    expect_refused(3, page_desc(device, LEAF_RW));
    expect_refused(3, page_desc(6, LEAF_DEV));
    expect_refused(3, page_desc(device - 1, LEAF_DEV));
    expect_refused(3, page_desc(device + 2, LEAF_DEV));
    expect_refused(2, block_desc(device + 2, LEAF_DEV));
}

static void refused_links(void)
{
    expect_refused(2, table_desc(L2));   /* itself */
    expect_refused(2, table_desc(L1));   /* upwards */
    expect_refused(1, table_desc(L3));   /* past a level */
    expect_refused(0, table_desc(ROOT)); /* itself */
    expect_refused(3, page_desc(L3, LEAF_EL0));
    expect_refused(2, block_desc(L3, LEAF_EL0));
}

static void accepted_values(void)
{
    static const uint64_t bits[] = {0,        DESC_AP_RO,    DESC_NG,     DESC_PXN,
                                    DESC_UXN, DESC_SOFTWARE, DESC_AP_EL0, LEAF_NC,
                                    DESC_SH,  DESC_DBM,      DESC_NS};
    unsigned int device = MMU_DEVICE >> PAGE_SHIFT;

    tree(9, 2, PTWR_POLICY_EMULATE);
    for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++) {
        assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, bits[i])), PTWR_DONE);
        assert_int_equal(world_store(&w, 0, L2, 1, block_desc(8, bits[i])), PTWR_DONE);
        sound();
    }
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(device, LEAF_DEV)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(device + 1, LEAF_DEV)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L2, 1, block_desc(device, LEAF_DEV)), PTWR_DONE);
    assert_int_equal(
        world_store(&w, 0, L2, 1,
                    desc_of(table_desc(7).raw | DESC_PXNTABLE | DESC_UXNTABLE | DESC_APTABLE)),
        PTWR_DONE);
    sound();
}

static void refused_tree_is_plain_again(void)
{
    begin(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 1, table_desc(2), table_desc(3));
    world_fill(&w, 2, table_desc(4), NONE);
    world_fill(&w, 3, table_desc(5), NONE);
    world_fill(&w, 4, page_desc(6, LEAF_RO), BAD);
    assert_int_equal(world_base(&w, 0, 0, 1), HV_EINVAL);
    w.mmu.cpu = 0;
    ptwr_flush(&w.p, &(unsigned int){PTWR_BUDGET});
    for (unsigned int i = 1; i <= 5; i++)
        assert_int_equal(state(i), FRAME_PLAIN);
    sound();
}

static void validation_that_was_not_finished_is_begun_anew(void)
{
    unsigned int budget = 0;

    begin(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 1, table_desc(2), NONE);
    w.mmu.cpu = 0;
    assert_int_equal(ptwr_pin(&w.p, mfn_of(1), 2, &budget), HV_EAGAIN);
    assert_int_equal(state(1), FRAME_PROTECTING);
    sound();
    assert_int_equal(world_pin(&w, 1, 1, 1), HV_OK);
    assert_int_equal(w.frames[2].type, FRAME_TABLE_L2);
    sound();
}

/* Whoever asks, and whatever for: a table stays what it is while it is one. */
static void promotion_of_a_table_of_another_level_is_refused(void)
{
    unsigned int budget = PTWR_BUDGET;

    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(type_promote(&w.p, mfn_of(L3), 2, &budget), HV_EINVAL);
    assert_int_equal(w.p.violation.rule, PTWR_RULE_TYPE);
    sound();
    world_fill(&w, 6, NONE, table_desc(7));
    budget = 0;
    assert_int_equal(ptwr_pin(&w.p, mfn_of(6), 2, &budget), HV_EAGAIN);
    assert_int_equal(state(6), FRAME_PROTECTING);
    budget = PTWR_BUDGET;
    assert_int_equal(type_promote(&w.p, mfn_of(6), 1, &budget), HV_EINVAL);
    assert_int_equal(w.p.violation.rule, PTWR_RULE_TYPE);
    sound();
    assert_int_equal(w.frames[7].type, FRAME_NONE);
}

static void readonly_frame_is_the_hypervisors_to_write(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_make_readonly(&w, 7);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(7, LEAF_RW)), PTWR_INJECT);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(7, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, 7, 0, BAD), PTWR_INJECT);
    assert_int_equal(world_update(&w, 0, 7, 0, NONE), HV_EPERM);
    assert_int_equal(world_store(&w, 0, L2, 1, table_desc(7)), PTWR_INJECT);
    assert_int_equal(world_pin(&w, 0, 7, 3), HV_EINVAL);
    assert_int_equal(world_remove(&w, 0, 7), HV_EBUSY);
    sound();
}

static void assist_off_is_the_strict_rule(void)
{
    tree(8, 2, PTWR_POLICY_OPEN);
    assert_int_equal(world_update(&w, 0, L3, 1, page_desc(L3, LEAF_RW)), HV_OK);
    assert_int_equal(world_assist(&w, 0, false), HV_EBUSY);
    assert_int_equal(world_update(&w, 0, L3, 1, NONE), HV_OK);
    open_table(L3, 1, page_desc(6, LEAF_RO));
    assert_int_equal(world_assist(&w, 0, false), HV_OK);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_INJECT);
    assert_int_equal(world_update(&w, 0, L3, 1, page_desc(L3, LEAF_RW)), HV_EINVAL);
    assert_int_equal(world_update(&w, 0, L3, 1, page_desc(7, LEAF_RW)), HV_OK);
    assert_int_equal(world_pin(&w, 0, 7, 3), HV_EINVAL);
    sound();
}

/* By the value alone (Arm ARM D8.16.1), each bit on its own; the model has its own idea of it. */
static void breaks_are_asked_for_by_the_bits_that_change(void)
{
    for (unsigned int i = 1; i < 64; i++) {
        desc_t old = page_desc(5, LEAF_RW), value = desc_of(old.raw ^ BIT64(i));

        assert_int_equal(validate_needs_break(old, value), mmu_needs_break(old, value));
        assert_false(validate_needs_break(old, desc_of(value.raw & ~DESC_VALID)));
        assert_false(validate_needs_break(desc_of(value.raw & ~DESC_VALID), old));
    }
}

/* A conflict within one batch: what it took away is let go before anything is refused. */
static void batch_makes_room_for_itself(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    world_fill(&w, 6, NONE, NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, block_desc(6, LEAF_EL0)), PTWR_DONE);
    open_table(L2, 0, table_desc(6));
    assert_int_equal(world_store(&w, 0, L2, 1, NONE), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(entry(L2, 0), table_desc(6).raw);
    assert_int_equal(w.p.count.refused, 0);
    sound();
}

/* .. and does not come back when the batch is refused as a whole. */
static void crash_does_not_put_back_what_was_let_go(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RO)), PTWR_DONE);
    w.p.action = PTWR_ACTION_CRASH;
    open_table(L3, 0, BAD);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_EPERM);
    sound();
}

/* The new page is like its neighbour's, the old one is not. */
static void pages_of_a_batch_are_counted_once(void)
{
    tree(9, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L3, 0, page_desc(5, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(7, LEAF_RW)), PTWR_DONE);
    open_table(L3, 0, page_desc(6, LEAF_RO));
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(8, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    sound();
}

/* What was let go because of a refusal is not let go again when its turn comes. */
static void cleared_entry_after_a_refused_one_is_dropped_once(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_store(&w, 0, L3, 0, page_desc(5, LEAF_RO)), PTWR_DONE);
    assert_int_equal(world_store(&w, 0, L3, 1, page_desc(6, LEAF_RO)), PTWR_DONE);
    open_table(L3, 0, BAD);
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    sound();
}

/* Nor when another open table took the last link to this one meanwhile. */
static void cleared_entry_of_a_table_that_is_given_up_is_dropped_once(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    assert_int_equal(world_update(&w, 0, L2, 1, table_desc(6)), HV_OK);
    assert_int_equal(world_update(&w, 0, L3, 1, page_desc(7, LEAF_RO)), HV_OK);
    open_table(L3, 0, page_desc(6, LEAF_EL0));
    assert_int_equal(world_store(&w, 0, L3, 1, NONE), PTWR_DONE);
    open_table(L2, 0, NONE);
    assert_int_equal(world_store(&w, 0, L2, 1, NONE), PTWR_DONE);
    assert_int_equal(world_sync(&w, 0, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(world_store(&w, 1, L3, 0, BAD), PTWR_DONE);
    sound();
}

/* --- Kinds of stores -------------------------------------------------------------------------- */

static struct ptwr_store store_of(unsigned int frame, unsigned int offset, uint64_t value)
{
    return (struct ptwr_store){
        .table = mfn_of(frame),
        .offset = (uint16_t)offset,
        .size = 8,
        .decoded = true,
        .emulatable = true,
        .value = value,
        .va = mmu_va(0),
    };
}

static void store_of_el0_is_never_performed(void)
{
    struct ptwr_store store = store_of(L3, 8, page_desc(6, LEAF_RO).raw);

    tree(8, 2, PTWR_POLICY_OPEN);
    store.el0 = true;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_INJECT);
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(entry(L3, 1), 0);
    sound();
}

static void narrow_stores_change_their_bytes(void)
{
    uint64_t value = page_desc(6, LEAF_RO | DESC_UXN).raw;
    struct ptwr_store store = store_of(L3, 12, value >> 32);

    tree(8, 2, PTWR_POLICY_EMULATE);
    store.size = 4;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_DONE);
    store = store_of(L3, 8, value & UINT32_MAX);
    store.size = 4;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_DONE);
    assert_int_equal(entry(L3, 1), value);
    sound();
}

static void store_that_compares(void)
{
    struct ptwr_store store = store_of(L3, 0, page_desc(5, LEAF_RO).raw);

    tree(8, 2, PTWR_POLICY_EMULATE);
    store.old_valid = true;
    store.old = page_desc(6, LEAF_RW).raw;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_FAILED);
    assert_int_equal(store.seen, page_desc(5, LEAF_RW).raw);
    assert_int_equal(entry(L3, 0), page_desc(5, LEAF_RW).raw);
    store.old = page_desc(5, LEAF_RW).raw;
    assert_int_equal(world_store_as(&w, 0, &store, MMU_CACHEABLE), PTWR_DONE);
    assert_int_equal(entry(L3, 0), page_desc(5, LEAF_RO).raw);
    sound();
}

/* A store that EL2 cannot decode, from a place that needs the table it stores to. */
static void store_that_can_be_neither_emulated_nor_opened(void)
{
    struct ptwr_store store = store_of(L3, 8, NONE.raw);
    unsigned int budget = PTWR_BUDGET;

    tree(8, 2, PTWR_POLICY_EMULATE);
    store.emulatable = false;
    for (unsigned int i = 0; i < 16; i++) {
        enum ptwr_outcome outcome = ptwr_store_fault(&w.p, &store, &budget);

        if (outcome == PTWR_INJECT)
            break;
        assert_int_equal(outcome, PTWR_RETRY);
        assert_int_equal(state(L3), FRAME_OPEN);
        assert_int_equal(world_access(&w, 0, PAGE(0, 0), true), WORLD_OK);
        budget = PTWR_BUDGET;
    }
    assert_int_equal(state(L3), FRAME_ATTACHED);
    assert_int_equal(w.p.violation.rule, PTWR_RULE_UNALIGNED);
    sound();
}

/* A refused page must not vouch for the next one that looks like it. */
static void refused_entry_is_no_example_for_the_next(void)
{
    static const uint64_t bits[] = {DESC_CONTIGUOUS, LEAF_DEV, DESC_GP};

    for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++) {
        tree(8, 2, PTWR_POLICY_EMULATE);
        open_table(L3, 0, page_desc(6, bits[i]));
        assert_int_equal(world_store(&w, 0, L3, 1, page_desc(7, bits[i])), PTWR_DONE);
        assert_int_equal(world_sync(&w, 1, PTWR_T_HYPERCALL), HV_OK);
        assert_int_equal(w.p.count.refused, 2);
        assert_int_equal(entry(L3, 1), page_desc(7, bits[i]).raw & ~DESC_VALID);
        sound();
    }
}

/* Nor may its address be looked up: it is no frame's. */
static void refused_address_is_not_looked_up(void)
{
    tree(8, 2, PTWR_POLICY_EMULATE);
    open_table(L3, 0, desc_of(page_desc(6, LEAF_RO).raw | BIT64(47)));
    assert_int_equal(world_store(&w, 0, L3, 1, desc_of(page_desc(7, LEAF_RO).raw | BIT64(47))),
                     PTWR_DONE);
    assert_int_equal(world_sync(&w, 1, PTWR_T_HYPERCALL), HV_OK);
    assert_int_equal(w.p.count.refused, 2);
    sound();
}

#define TESTS(X)                                                                                   \
    X(refused_bits)                                                                                \
    X(refused_addresses)                                                                           \
    X(refused_devices)                                                                             \
    X(refused_links)                                                                               \
    X(accepted_values)                                                                             \
    X(refused_tree_is_plain_again)                                                                 \
    X(validation_that_was_not_finished_is_begun_anew)                                              \
    X(promotion_of_a_table_of_another_level_is_refused)                                            \
    X(readonly_frame_is_the_hypervisors_to_write)                                                  \
    X(assist_off_is_the_strict_rule)                                                               \
    X(breaks_are_asked_for_by_the_bits_that_change)                                                \
    X(batch_makes_room_for_itself)                                                                 \
    X(crash_does_not_put_back_what_was_let_go)                                                     \
    X(pages_of_a_batch_are_counted_once)                                                           \
    X(cleared_entry_after_a_refused_one_is_dropped_once)                                           \
    X(cleared_entry_of_a_table_that_is_given_up_is_dropped_once)                                   \
    X(store_of_el0_is_never_performed)                                                             \
    X(narrow_stores_change_their_bytes)                                                            \
    X(store_that_compares)                                                                         \
    X(store_that_can_be_neither_emulated_nor_opened)                                               \
    X(refused_entry_is_no_example_for_the_next)                                                    \
    X(refused_address_is_not_looked_up)

MAIN(TESTS)
