/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/config_share.c: what a tree says about memory that domains share. Each refusal is one change
 * to a tree that is fine, and exactly one message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "config_tree.h"

#define ONE       "/chosen/one"
#define TWO       "/chosen/two"
#define ONE_SHARE "/chosen/one/share"
#define TWO_SHARE "/chosen/two/share"

static void add_domain(const char *path, uint64_t kernel)
{
    char module[64];

    tree_add_domain(path, 64);
    tree_set_string(path, "latch,paging", "direct");
    assert_in_range(snprintf(module, sizeof(module), "%s/kernel", path), 1, sizeof(module) - 1);
    tree_add_module(module, "kernel", kernel, 4096);
}

static void add_share(const char *path, const char *id, const char *role, const char *access)
{
    tree_set_string(path, "compatible", "xen,domain-shared-memory-v1");
    tree_set_string(path, "xen,shm-id", id);
    tree_set_string(path, "role", role);
    tree_set_string(path, "latch,access", access);
    tree_set_u64(path, "size", 64);
}

static int good_tree(void **state)
{
    (void)state;
    assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
    tree_set_u32("/", "#address-cells", 2);
    tree_set_u32("/", "#size-cells", 2);
    tree_set_string("/memory", "device_type", "memory");
    tree_set_reg("/memory", 0x40000000, 256 * MIB);
    add_domain(ONE, 0x44000000);
    add_domain(TWO, 0x45000000);
    add_share(ONE_SHARE, "ring", "owner", "rw");
    add_share(TWO_SHARE, "ring", "borrower", "ro");
    return 0;
}

/* All of the one message; `path` NULL: at any node. */
static void expect_refusal(const char *path, const char *reason)
{
    tree_expect_refusal(path, reason);
    assert_string_equal(tree_errors.reason[0], reason);
}

static const struct share_config *share_of(const char *domain)
{
    for (unsigned int i = 0; i < tree_parsed.nr_domains; i++) {
        if (strcmp(tree_parsed.domain[i].name, domain) == 0) {
            assert_int_equal(tree_parsed.domain[i].nr_shares, 1);
            return &tree_parsed.domain[i].share[0];
        }
    }
    fail_msg("no domain %s", domain);
    return NULL;
}

static void nodes_are_understood(void **state)
{
    (void)state;
    tree_expect_fine();
    assert_string_equal(share_of("one")->id, "ring");
    assert_int_equal(share_of("one")->size, 65536);
    assert_true(share_of("one")->owner);
    assert_true(share_of("one")->writable);
    assert_string_equal(share_of("two")->id, "ring");
    assert_int_equal(share_of("two")->size, 65536);
    assert_false(share_of("two")->owner);
    assert_false(share_of("two")->writable);
}

static void three_domains_may_share(void **state)
{
    (void)state;
    add_domain("/chosen/three", 0x46000000);
    add_share("/chosen/three/share", "ring", "borrower", "rw");
    tree_expect_fine();
}

static void unknown_property_is_refused(void **state)
{
    (void)state;
    tree_set_string(TWO_SHARE, "latch,acces", "rw");
    expect_refusal(TWO_SHARE, "latch,acces: unknown property");
}

static void addresses_cannot_be_chosen(void **state)
{
    (void)state;
    tree_set_u64(TWO_SHARE, "xen,shared-mem", 0x50000000);
    expect_refusal(TWO_SHARE, "xen,shared-mem: not supported by this build yet");
}

static void missing_properties_are_refused(void **state)
{
    (void)state;
    tree_drop(TWO_SHARE, "latch,access");
    expect_refusal(TWO_SHARE, "latch,access: is missing");
    good_tree(state);
    tree_drop(TWO_SHARE, "role");
    expect_refusal(TWO_SHARE, "role: is missing");
    good_tree(state);
    tree_drop(TWO_SHARE, "size");
    expect_refusal(TWO_SHARE, "size: must be one number of two cells");
    good_tree(state);
    tree_drop(TWO_SHARE, "xen,shm-id");
    expect_refusal(TWO_SHARE, "xen,shm-id: must be one string of 1 to 31 characters");
}

static void strange_values_are_refused(void **state)
{
    (void)state;
    tree_set_string(TWO_SHARE, "latch,access", "wo");
    expect_refusal(TWO_SHARE, "latch,access: \"wo\" is not one of ro, rw");
    good_tree(state);
    tree_set_string(TWO_SHARE, "role", "guest");
    expect_refusal(TWO_SHARE, "role: \"guest\" is not one of borrower, owner");
    good_tree(state);
    tree_set_string(TWO_SHARE, "xen,shm-id", "");
    expect_refusal(TWO_SHARE, "xen,shm-id: must be one string of 1 to 31 characters");
    good_tree(state);
    tree_set_string(TWO_SHARE, "xen,shm-id", "a2345678901234567890123456789012");
    expect_refusal(TWO_SHARE, "xen,shm-id: must be one string of 1 to 31 characters");
}

static void sizes_are_pages(void **state)
{
    (void)state;
    tree_set_u64(TWO_SHARE, "size", 62);
    expect_refusal(TWO_SHARE, "size: not a multiple of 4 KiB (the unit is KiB)");
    tree_set_u64(TWO_SHARE, "size", 0);
    expect_refusal(TWO_SHARE, "size: zero");
    tree_set_u64(TWO_SHARE, "size", UINT64_C(1) << 38);
    expect_refusal(TWO_SHARE, "size: beyond 48 bits");
}

static void sizes_have_to_agree(void **state)
{
    (void)state;
    tree_set_u64(TWO_SHARE, "size", 60);
    expect_refusal(NULL, "size: another domain's node for this memory differs");
}

static void size_counts_once_for_the_board(void **state)
{
    (void)state;
    tree_set_u64(ONE_SHARE, "size", 128 * 1024);
    tree_set_u64(TWO_SHARE, "size", 128 * 1024);
    tree_expect_fine();
    tree_set_u64(ONE_SHARE, "size", 128 * 1024 + 4);
    tree_set_u64(TWO_SHARE, "size", 128 * 1024 + 4);
    expect_refusal("/chosen", "the domains need 262148 KiB together, the board has 262144 KiB");
}

static void one_domain_alone_is_refused(void **state)
{
    (void)state;
    tree_drop_node(TWO_SHARE);
    expect_refusal(ONE_SHARE, "xen,shm-id: no other domain has this memory");
}

static void two_owners_are_refused(void **state)
{
    (void)state;
    tree_set_string(TWO_SHARE, "role", "owner");
    expect_refusal(NULL, "role: this memory has another owner");
}

static void memory_without_owner_is_refused(void **state)
{
    (void)state;
    tree_set_string(ONE_SHARE, "role", "borrower");
    assert_int_equal(tree_parse(), HV_EINVAL);
    assert_int_equal(tree_errors.count, 2);
    assert_string_equal(tree_errors.reason[1], "role: this memory has no owner");
}

static void one_domain_twice_is_refused(void **state)
{
    (void)state;
    add_share("/chosen/two/again", "ring", "borrower", "ro");
    expect_refusal(NULL, "xen,shm-id: the domain has another node for this memory");
}

static void four_per_domain_are_accepted_and_five_refused(void **state)
{
    static const char *const id[] = {"a", "b", "c", "d"};
    char path[64];

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(id); i++) {
        if (i == 3)
            tree_expect_fine();
        assert_in_range(snprintf(path, sizeof(path), ONE "/%s", id[i]), 1, sizeof(path) - 1);
        add_share(path, id[i], "owner", "rw");
        assert_in_range(snprintf(path, sizeof(path), TWO "/%s", id[i]), 1, sizeof(path) - 1);
        if (i < 3)
            add_share(path, id[i], "borrower", "rw");
    }
    expect_refusal(NULL, "more than 4 nodes of shared memory in a domain");
}

static void plain_domains_have_none(void **state)
{
    (void)state;
    tree_drop(TWO, "latch,paging");
    expect_refusal(TWO_SHARE, "only direct domains share memory in this version");
}

static void nodes_below_are_refused(void **state)
{
    (void)state;
    tree_node_at(TWO_SHARE "/below");
    expect_refusal(TWO_SHARE "/below", "shared memory has no nodes below it");
}

#define T(name) cmocka_unit_test_setup(name, good_tree)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nodes_are_understood),
        T(three_domains_may_share),
        T(unknown_property_is_refused),
        T(addresses_cannot_be_chosen),
        T(missing_properties_are_refused),
        T(strange_values_are_refused),
        T(sizes_are_pages),
        T(sizes_have_to_agree),
        T(size_counts_once_for_the_board),
        T(one_domain_alone_is_refused),
        T(two_owners_are_refused),
        T(memory_without_owner_is_refused),
        T(one_domain_twice_is_refused),
        T(four_per_domain_are_accepted_and_five_refused),
        T(plain_domains_have_none),
        T(nodes_below_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
