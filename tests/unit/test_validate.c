/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which descriptors may stand in which table: every rule, at every level it speaks of, through
 * ptwr_update(). What is refused must leave the entry and every count as they were, which the
 * fake's whole-state check sees after each call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fake_guest.h"

#define FREE 7 /* an entry of each table that guest_space() leaves empty */

static struct fake *f;

static const unsigned int table_of[] = {ROOT, MID1, MID2, LEAF};

static int start(void **state)
{
    (void)state;
    f = fake_new();
    guest_running(f);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_free(f);
    return 0;
}

static void refused(unsigned int level, uint64_t value, enum ptwr_rule rule)
{
    unsigned int table = table_of[level];
    uint64_t old = fake_peek(f, table, FREE);
    uint64_t before = f->ptwr.count.refused;

    f->ptwr.violation.rule = PTWR_RULE_NONE;
    assert_int_equal(guest_update(f, table, FREE, value), HV_EINVAL);
    assert_string_equal(ptwr_rule_name(f->ptwr.violation.rule), ptwr_rule_name(rule));
    assert_int_equal(f->ptwr.violation.rule, rule);
    assert_int_equal(f->ptwr.violation.table.raw, fake_mfn(table).raw);
    assert_int_equal(f->ptwr.violation.index, FREE);
    assert_int_equal(f->ptwr.violation.level, level);
    assert_int_equal(f->ptwr.violation.old.raw, old);
    assert_int_equal(f->ptwr.violation.new.raw, value);
    assert_int_equal(f->ptwr.count.refused, before + 1);
    assert_int_equal(fake_peek(f, table, FREE), old);
}

static void accepted(unsigned int level, uint64_t value)
{
    assert_int_equal(guest_update(f, table_of[level], FREE, value), HV_OK);
    assert_int_equal(fake_peek(f, table_of[level], FREE), value);
    assert_int_equal(guest_update(f, table_of[level], FREE, 0), HV_OK);
}

static void not_pinned(unsigned int number)
{
    enum hv_err err = guest_pin(f, number, 3);

    assert_true(err == HV_EINVAL || err == HV_EBUSY);
    assert_int_equal(fake_record(f, number)->flags & FRAME_PINNED, 0);
}

static void any_value_without_bit_0_is_accepted(void **state)
{
    (void)state;
    for (unsigned int level = 0; level < 4; level++) {
        accepted(level, 0);
        accepted(level, 2);
        accepted(level, ~UINT64_C(1));
        accepted(level, d_page(GUEST_FRAMES, 0) & ~DESC_VALID);
        accepted(level, d_table(LEAF) & ~DESC_VALID);
    }
}

static void l3_accepts_pages_of_the_domain(void **state)
{
    static const uint64_t flags[] = {
        0,       RO,       EL0,           RO | EL0, DESC_PXN | DESC_UXN,
        DESC_NG, DESC_DBM, DESC_SOFTWARE, ATTR(2),  RO | EL0 | DESC_PXN,
        DESC_NS,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        accepted(3, d_page(DATA, flags[i]));
    accepted(3, d_page(DATA, 0) & ~DESC_AF);
    accepted(3, d_page(DATA, 0) & ~DESC_SH);
}

/* What a feature that the guest is not told of would give a meaning to. */
static void bits_of_hidden_features_are_refused(void **state)
{
    (void)state;
    refused(3, d_page(DATA, 0) & ~BIT64(9), PTWR_RULE_RESERVED); /* SH = 0b01 */
    refused(3, d_page(DATA, DESC_GP), PTWR_RULE_RESERVED);
    for (unsigned int bit = 59; bit < 64; bit++)
        refused(3, d_page(DATA, BIT64(bit)), PTWR_RULE_RESERVED);
    for (unsigned int level = 0; level < 3; level++) {
        refused(level, d_table(table_of[level + 1]) | DESC_GP, PTWR_RULE_RESERVED);
        refused(level, d_table(table_of[level + 1]) | DESC_NSTABLE, PTWR_RULE_RESERVED);
    }
}

static void l3_refuses_reserved_encoding(void **state)
{
    (void)state;
    refused(3, d_page(DATA, 0) & ~DESC_TABLE, PTWR_RULE_RESERVED);
}

static void address_bits_above_47_are_refused_at_every_level(void **state)
{
    (void)state;
    for (unsigned int bit = 48; bit < 50; bit++) {
        refused(3, d_page(DATA, 0) | BIT64(bit), PTWR_RULE_RESERVED);
        for (unsigned int level = 0; level < 3; level++)
            refused(level, d_table(table_of[level + 1]) | BIT64(bit), PTWR_RULE_RESERVED);
    }
}

static void contiguous_leaves_are_refused(void **state)
{
    (void)state;
    refused(3, d_page(DATA, DESC_CONTIGUOUS), PTWR_RULE_RESERVED);
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    refused(2, d_block(FAKE_CHUNK, DESC_CONTIGUOUS), PTWR_RULE_RESERVED);
}

static void l2_refuses_unaligned_block(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    accepted(2, d_block(FAKE_CHUNK, 0));
    for (unsigned int bit = 12; bit < 21; bit++)
        refused(2, d_block(FAKE_CHUNK, 0) | BIT64(bit), PTWR_RULE_RESERVED);
}

static void l0_and_l1_refuse_blocks(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    refused(0, d_block(FAKE_CHUNK, 0), PTWR_RULE_LEVEL);
    refused(1, d_block(FAKE_CHUNK, 0), PTWR_RULE_LEVEL);
    refused(0, 1, PTWR_RULE_LEVEL);
    refused(1, 1, PTWR_RULE_LEVEL);
}

static void tables_link_the_next_level_only(void **state)
{
    (void)state;
    for (unsigned int level = 0; level < 3; level++) {
        for (unsigned int child = 0; child < 4; child++) {
            if (child == level + 1)
                accepted(level, d_table(table_of[child]));
            else if (child == level)
                refused(level, d_table(table_of[child]), PTWR_RULE_LEVEL);
            else
                refused(level, d_table(table_of[child]), PTWR_RULE_TYPE);
        }
    }
}

static void same_level_link_to_another_table_is_refused(void **state)
{
    (void)state;
    for (unsigned int level = 0; level < 3; level++) {
        assert_int_equal(guest_pin(f, SPARE, level), HV_OK);
        refused(level, d_table(SPARE), PTWR_RULE_LEVEL);
        assert_int_equal(guest_unpin(f, SPARE), HV_OK);
        guest_flush(f);
    }
}

static void table_descriptors_need_walk(void **state)
{
    (void)state;
    for (unsigned int level = 0; level < 3; level++)
        refused(level, d_table(table_of[level + 1]) & ~FAKE_WALK, PTWR_RULE_WINDOW);
}

static void leaves_with_walk_are_refused(void **state)
{
    (void)state;
    refused(3, d_page(DATA, 0) | FAKE_WALK, PTWR_RULE_WINDOW);
    refused(3, d_page(LEAF, RO) | FAKE_WALK, PTWR_RULE_WINDOW);
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    refused(2, d_block(FAKE_CHUNK, 0) | FAKE_WALK, PTWR_RULE_WINDOW);
    refused(3, (FAKE_DEVICE + FAKE_WALK) | DESC_AF | ATTR(1) | 3, PTWR_RULE_WINDOW);
}

static void r1_leaves_map_frames_of_the_domain_only(void **state)
{
    uint64_t gap = mfn_to_pa(mfn_of(FAKE_FIRST + FAKE_CHUNK)).raw;

    (void)state;
    refused(3, d_page(GUEST_FRAMES, 0), PTWR_RULE_OWNER);
    refused(3, d_page(GUEST_FRAMES, RO), PTWR_RULE_OWNER);
    fake_record(f, GUEST_FRAMES)->owner = FAKE_OWNER + 1;
    refused(3, d_page(GUEST_FRAMES, RO | EL0), PTWR_RULE_OWNER);
    fake_record(f, GUEST_FRAMES)->owner = FRAME_NO_OWNER;
    refused(3, gap | DESC_AF | 3, PTWR_RULE_OWNER);
    refused(3, DESC_AF | 3, PTWR_RULE_OWNER);
    refused(3, (gap + 8 * REGION_SIZE) | DESC_AF | 3, PTWR_RULE_OWNER);
    refused(3, UINT64_C(0xff7fffff000) | DESC_AF | 3, PTWR_RULE_OWNER);
}

/* An address is 36 bits of frame number, a frame number here has 32: bits 44 to 47 count too. */
static void r1_address_is_not_truncated(void **state)
{
    (void)state;
    for (unsigned int bit = 36; bit < 48; bit++) {
        refused(3, d_page(DATA, 0) | BIT64(bit), PTWR_RULE_OWNER);
        refused(2, d_table(LEAF) | BIT64(bit), PTWR_RULE_OWNER);
    }
}

static void r1_tables_are_frames_of_the_domain_only(void **state)
{
    (void)state;
    for (unsigned int level = 0; level < 3; level++) {
        refused(level, d_table(GUEST_FRAMES), PTWR_RULE_OWNER);
        refused(level, (FAKE_DEVICE + FAKE_WALK) | 3, PTWR_RULE_OWNER);
    }
}

static void r1_block_needs_every_frame(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK - 1);
    refused(2, d_block(FAKE_CHUNK, 0), PTWR_RULE_OWNER);
    guest_add(f, FAKE_FRAMES - 1, 1);
    accepted(2, d_block(FAKE_CHUNK, 0));
    assert_int_equal(guest_remove(f, FAKE_CHUNK + 77), HV_OK);
    refused(2, d_block(FAKE_CHUNK, RO), PTWR_RULE_OWNER);
}

static void r1_ram_is_normal_memory(void **state)
{
    (void)state;
    for (unsigned int attr = 0; attr < 8; attr++) {
        if (attr == 0 || attr == 2)
            accepted(3, d_page(DATA, ATTR(attr)));
        else
            refused(3, d_page(DATA, ATTR(attr)), PTWR_RULE_MEMTYPE);
    }
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    refused(2, d_block(FAKE_CHUNK, ATTR(1)), PTWR_RULE_MEMTYPE);
}

static void devices_are_mapped_within_their_range_only(void **state)
{
    uint64_t device = FAKE_DEVICE | DESC_AF | ATTR(1) | 3;

    (void)state;
    accepted(3, device);
    accepted(3, device + PAGE_SIZE);
    refused(3, device + 2 * PAGE_SIZE, PTWR_RULE_OWNER);
    refused(3, device - PAGE_SIZE, PTWR_RULE_OWNER);
    refused(3, device | BIT64(44), PTWR_RULE_OWNER);
    refused(2, (device & ~DESC_TABLE), PTWR_RULE_OWNER);
    f->ptwr.devices[1] = (struct ptwr_range){FAKE_DEVICE + REGION_SIZE, REGION_SIZE};
    accepted(2, (device & ~DESC_TABLE) + REGION_SIZE);
    refused(3, device & ~DESC_ATTRINDX, PTWR_RULE_MEMTYPE);
    refused(2, (device & ~DESC_TABLE) + 2 * REGION_SIZE, PTWR_RULE_OWNER);
}

static void unused_device_range_maps_nothing(void **state)
{
    (void)state;
    f->ptwr.devices[2] = (struct ptwr_range){FAKE_DEVICE + REGION_SIZE, 0};
    refused(3, (FAKE_DEVICE + REGION_SIZE) | DESC_AF | ATTR(1) | 3, PTWR_RULE_OWNER);
}

/* Memory that another domain has too, at the third region from FAKE_DEVICE on. */
static uint64_t share(bool writable)
{
    uint64_t base = FAKE_DEVICE + 2 * REGION_SIZE;

    f->ptwr.shared[1] = (struct ptwr_shared){{base, REGION_SIZE + PAGE_SIZE}, writable};
    return base;
}

#define SHARED(base) ((base) | DESC_AF | DESC_SH | 3)

static void memory_shared_to_write_is_mapped_as_normal_only(void **state)
{
    uint64_t base = share(true);

    (void)state;
    accepted(3, SHARED(base));
    accepted(3, SHARED(base) | RO);
    accepted(3, SHARED(base) | EL0);
    accepted(3, SHARED(base) | ATTR(2));
    accepted(2, SHARED(base) & ~DESC_TABLE);
    refused(3, SHARED(base) | ATTR(1), PTWR_RULE_MEMTYPE);
    refused(3, SHARED(base) | RO | ATTR(1), PTWR_RULE_MEMTYPE);
    refused(2, (SHARED(base) | ATTR(1)) & ~DESC_TABLE, PTWR_RULE_MEMTYPE);
}

static void memory_shared_to_read_has_no_writable_leaf(void **state)
{
    uint64_t base = share(false);

    (void)state;
    accepted(3, SHARED(base) | RO);
    accepted(3, SHARED(base) | RO | EL0);
    accepted(2, (SHARED(base) | RO) & ~DESC_TABLE);
    refused(3, SHARED(base), PTWR_RULE_FOREIGN);
    refused(3, SHARED(base) & ~DESC_AF, PTWR_RULE_FOREIGN);
    refused(3, SHARED(base) | EL0, PTWR_RULE_FOREIGN);
    refused(3, SHARED(base) | RO | DESC_DBM, PTWR_RULE_FOREIGN);
    refused(2, SHARED(base) & ~DESC_TABLE, PTWR_RULE_FOREIGN);
    refused(3, SHARED(base) | RO | ATTR(1), PTWR_RULE_MEMTYPE);
}

static void shared_memory_is_mapped_within_its_range_only(void **state)
{
    uint64_t base = share(true);

    (void)state;
    accepted(3, SHARED(base + REGION_SIZE));
    refused(3, SHARED(base + REGION_SIZE + PAGE_SIZE), PTWR_RULE_OWNER);
    refused(3, SHARED(base - PAGE_SIZE), PTWR_RULE_OWNER);
    refused(2, SHARED(base + REGION_SIZE) & ~DESC_TABLE, PTWR_RULE_OWNER);
    f->ptwr.shared[1].range.size = 0;
    refused(3, SHARED(base), PTWR_RULE_OWNER);
}

static void shared_memory_is_never_a_table(void **state)
{
    (void)state;
    for (unsigned int writable = 0; writable < 2; writable++) {
        uint64_t base = share(writable != 0);

        for (unsigned int level = 0; level < 3; level++)
            refused(level, base | FAKE_WALK | DESC_VALID | DESC_TABLE, PTWR_RULE_OWNER);
        for (unsigned int level = 0; level < 4; level++)
            assert_int_equal(
                ptwr_pin(&f->ptwr, pa_to_mfn(pa_of(base)), level, &(unsigned int){PTWR_BUDGET}),
                HV_EPERM);
        assert_int_equal(ptwr_update(&f->ptwr, pa_to_mfn(pa_of(base)), 0, desc_of(0),
                                     &(unsigned int){PTWR_BUDGET}),
                         HV_EPERM);
    }
}

static void l3_refuses_writable_map_of_table(void **state)
{
    (void)state;
    assert_int_equal(guest_assist(f, false), HV_OK);
    for (unsigned int level = 0; level < 4; level++) {
        refused(3, d_page(table_of[level], 0), PTWR_RULE_WRITABLE);
        refused(3, d_page(table_of[level], RO | DESC_DBM), PTWR_RULE_WRITABLE);
        refused(3, d_page(table_of[level], 0) & ~DESC_AF, PTWR_RULE_WRITABLE);
        accepted(3, d_page(table_of[level], RO));
        accepted(3, d_page(table_of[level], RO | EL0));
    }
}

static void assist_lets_el1_map_tables_writable(void **state)
{
    (void)state;
    for (unsigned int level = 0; level < 4; level++) {
        accepted(3, d_page(table_of[level], 0));
        accepted(3, d_page(table_of[level], RO | DESC_DBM));
    }
}

static void r4_el0_never_maps_tables_writable(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < 2; i++) {
        for (unsigned int level = 0; level < 4; level++) {
            refused(3, d_page(table_of[level], EL0), PTWR_RULE_EL0_TABLE);
            refused(3, d_page(table_of[level], EL0 | RO | DESC_DBM), PTWR_RULE_EL0_TABLE);
        }
        assert_int_equal(guest_assist(f, false), HV_OK);
    }
}

static void block_is_judged_for_each_of_its_frames(void **state)
{
    (void)state;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    assert_int_equal(guest_pin(f, FAKE_CHUNK + 300, 3), HV_OK);
    refused(2, d_block(FAKE_CHUNK, EL0), PTWR_RULE_EL0_TABLE);
    accepted(2, d_block(FAKE_CHUNK, 0));
    assert_int_equal(guest_assist(f, false), HV_OK);
    refused(2, d_block(FAKE_CHUNK, 0), PTWR_RULE_WRITABLE);
    accepted(2, d_block(FAKE_CHUNK, RO));
}

/* A parent's APTable can be dropped at any time: it does not make a leaf below read-only. */
static void hierarchical_bits_do_not_excuse_a_leaf(void **state)
{
    (void)state;
    assert_int_equal(guest_assist(f, false), HV_OK);
    assert_int_equal(guest_update(f, MID2, 0, d_table(LEAF) | DESC_APTABLE), HV_OK);
    refused(3, d_page(LEAF, 0), PTWR_RULE_WRITABLE);
    refused(3, d_page(LEAF, EL0), PTWR_RULE_EL0_TABLE);
}

static void hierarchical_and_ignored_bits_of_tables_are_free(void **state)
{
    (void)state;
    accepted(2, d_table(LEAF) | DESC_PXNTABLE | DESC_UXNTABLE | DESC_APTABLE);
    accepted(2, d_table(LEAF) | GENMASK64(11, 2) | DESC_SOFTWARE);
}

/* The real Dirty-Pagetable order: mapped first, a table later. */
static void frame_that_el0_writes_never_becomes_a_table(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 1, d_page(SPARE, EL0)), HV_OK);
    refused(2, d_table(SPARE), PTWR_RULE_EL0_TABLE);
    not_pinned(SPARE);
    assert_int_equal(guest_update(f, LEAF, 1, 0), HV_OK);
    accepted(2, d_table(SPARE));
}

static void frame_with_writers_becomes_a_table_with_the_assist_only(void **state)
{
    (void)state;
    assert_int_equal(guest_update(f, LEAF, 1, d_page(SPARE, 0)), HV_OK);
    accepted(2, d_table(SPARE));
    guest_flush(f);
    assert_int_equal(guest_assist(f, false), HV_OK);
    refused(2, d_table(SPARE), PTWR_RULE_WRITABLE);
    not_pinned(SPARE);
    assert_int_equal(guest_update(f, LEAF, 1, d_page(SPARE, RO)), HV_OK);
    accepted(2, d_table(SPARE));
}

static void r8_frame_that_others_write_never_becomes_a_table(void **state)
{
    (void)state;
    fake_record(f, SPARE)->flags |= FRAME_FOREIGN;
    refused(2, d_table(SPARE), PTWR_RULE_FOREIGN);
    not_pinned(SPARE);
    accepted(3, d_page(SPARE, EL0));
}

static void read_only_frame_is_mapped_read_only(void **state)
{
    (void)state;
    ptwr_port_s2_store(f, PTWR_DATA, fake_mfn(SPARE), PTWR_RO);
    ptwr_port_dsb_ish(f);
    fake_record(f, SPARE)->readonly = 1;
    accepted(3, d_page(SPARE, RO | EL0));
    assert_int_equal(guest_update(f, LEAF, FREE, d_page(SPARE, 0)), HV_EINVAL);
    assert_int_equal(guest_update(f, LEAF, FREE, d_page(SPARE, RO | DESC_DBM)), HV_EINVAL);
    assert_int_equal(guest_update(f, MID2, FREE, d_table(SPARE)), HV_EINVAL);
    not_pinned(SPARE);
}

/* The counts are set by hand, so the whole-state check is off. */
static void counts_do_not_wrap(void **state)
{
    struct frame *record = fake_record(f, DATA + 8);

    (void)state;
    f->every = 0;
    record->refs = FRAME_REFS_MAX;
    refused(3, d_page(DATA + 8, RO), PTWR_RULE_COUNT);
    assert_int_equal(record->refs, FRAME_REFS_MAX);
    record->refs = FRAME_WRITERS_MAX;
    record->el1_writers = FRAME_WRITERS_MAX;
    refused(3, d_page(DATA + 8, 0), PTWR_RULE_COUNT);
    assert_int_equal(record->refs, FRAME_WRITERS_MAX);
    assert_int_equal(record->el1_writers, FRAME_WRITERS_MAX);
    accepted(3, d_page(DATA + 8, EL0));
    record->el1_writers = 0;
    record->el0_writers = FRAME_WRITERS_MAX;
    refused(3, d_page(DATA + 8, EL0), PTWR_RULE_COUNT);
    assert_int_equal(record->el0_writers, FRAME_WRITERS_MAX);
    accepted(3, d_page(DATA + 8, 0));
    record = fake_record(f, LEAF);
    record->type_count = FRAME_TYPE_COUNT_MAX;
    refused(2, d_table(LEAF), PTWR_RULE_COUNT);
    assert_int_equal(record->type_count, FRAME_TYPE_COUNT_MAX);
    not_pinned(LEAF);
    assert_int_equal(record->type_count, FRAME_TYPE_COUNT_MAX);
}

static void count_refused_in_a_block_takes_nothing_of_its_other_frames(void **state)
{
    (void)state;
    f->every = 0;
    guest_add(f, FAKE_CHUNK, FAKE_CHUNK);
    fake_record(f, FAKE_CHUNK + 400)->refs = FRAME_REFS_MAX;
    refused(2, d_block(FAKE_CHUNK, 0), PTWR_RULE_COUNT);
    for (unsigned int n = FAKE_CHUNK; n < FAKE_FRAMES; n++) {
        assert_int_equal(fake_record(f, n)->refs, n == FAKE_CHUNK + 400 ? FRAME_REFS_MAX : 0);
        assert_int_equal(fake_record(f, n)->el1_writers, 0);
    }
}

static void every_rule_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < PTWR_RULES; i++) {
        assert_non_null(ptwr_rule_name((enum ptwr_rule)i));
        for (unsigned int j = 0; j < i; j++)
            assert_string_not_equal(ptwr_rule_name((enum ptwr_rule)i),
                                    ptwr_rule_name((enum ptwr_rule)j));
    }
    for (unsigned int i = 0; i < PTWR_TRIGGERS; i++) {
        for (unsigned int j = 0; j < i; j++)
            assert_string_not_equal(ptwr_trigger_name((enum ptwr_trigger)i),
                                    ptwr_trigger_name((enum ptwr_trigger)j));
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(any_value_without_bit_0_is_accepted),
        T(l3_accepts_pages_of_the_domain),
        T(bits_of_hidden_features_are_refused),
        T(l3_refuses_reserved_encoding),
        T(address_bits_above_47_are_refused_at_every_level),
        T(contiguous_leaves_are_refused),
        T(l2_refuses_unaligned_block),
        T(l0_and_l1_refuse_blocks),
        T(tables_link_the_next_level_only),
        T(same_level_link_to_another_table_is_refused),
        T(table_descriptors_need_walk),
        T(leaves_with_walk_are_refused),
        T(r1_leaves_map_frames_of_the_domain_only),
        T(r1_address_is_not_truncated),
        T(r1_tables_are_frames_of_the_domain_only),
        T(r1_block_needs_every_frame),
        T(r1_ram_is_normal_memory),
        T(devices_are_mapped_within_their_range_only),
        T(memory_shared_to_write_is_mapped_as_normal_only),
        T(memory_shared_to_read_has_no_writable_leaf),
        T(shared_memory_is_mapped_within_its_range_only),
        T(shared_memory_is_never_a_table),
        T(unused_device_range_maps_nothing),
        T(l3_refuses_writable_map_of_table),
        T(assist_lets_el1_map_tables_writable),
        T(r4_el0_never_maps_tables_writable),
        T(block_is_judged_for_each_of_its_frames),
        T(hierarchical_bits_do_not_excuse_a_leaf),
        T(hierarchical_and_ignored_bits_of_tables_are_free),
        T(frame_that_el0_writes_never_becomes_a_table),
        T(frame_with_writers_becomes_a_table_with_the_assist_only),
        T(r8_frame_that_others_write_never_becomes_a_table),
        T(read_only_frame_is_mapped_read_only),
        T(counts_do_not_wrap),
        T(count_refused_in_a_block_takes_nothing_of_its_other_frames),
        T(every_rule_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
