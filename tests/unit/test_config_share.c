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

#include "core/config.h"

#define ONE       "/chosen/one"
#define TWO       "/chosen/two"
#define ONE_SHARE "/chosen/one/share"
#define TWO_SHARE "/chosen/two/share"

static char tree[16384];
static struct system parsed;
static unsigned int nr_errors;
static char last_path[128];
static char last_reason[256];

static void collect(void *ctx, const char *path, const char *reason)
{
    (void)ctx;
    nr_errors++;
    assert_in_range(snprintf(last_path, sizeof(last_path), "%s", path), 1, sizeof(last_path) - 1);
    assert_in_range(snprintf(last_reason, sizeof(last_reason), "%s", reason), 1,
                    sizeof(last_reason) - 1);
}

static int node_at(const char *path)
{
    int node = 0;

    for (const char *next = path; *next == '/' && next[1] != '\0';) {
        size_t length = strcspn(next + 1, "/");
        int child = fdt_subnode_offset_namelen(tree, node, next + 1, (int)length);

        node = child >= 0 ? child : fdt_add_subnode_namelen(tree, node, next + 1, (int)length);
        assert_true(node >= 0);
        next += 1 + length;
    }
    return node;
}

static void set_string(const char *path, const char *property, const char *value)
{
    assert_int_equal(fdt_setprop(tree, node_at(path), property, value, (int)strlen(value) + 1), 0);
}

static void set_u64(const char *path, const char *property, uint64_t value)
{
    assert_int_equal(fdt_setprop_u64(tree, node_at(path), property, value), 0);
}

static void set_reg(const char *path, uint64_t base, uint64_t size)
{
    set_u64(path, "reg", base);
    assert_int_equal(fdt_appendprop_u64(tree, node_at(path), "reg", size), 0);
}

static void drop(const char *path, const char *property)
{
    assert_int_equal(fdt_delprop(tree, node_at(path), property), 0);
}

static void add_domain(const char *path, uint64_t kernel)
{
    char module[64];

    set_string(path, "compatible", "xen,domain");
    set_string(path, "latch,paging", "direct");
    set_u64(path, "memory", 64 * 1024);
    assert_int_equal(fdt_setprop_u32(tree, node_at(path), "#address-cells", 2), 0);
    assert_int_equal(fdt_setprop_u32(tree, node_at(path), "#size-cells", 2), 0);
    assert_in_range(snprintf(module, sizeof(module), "%s/kernel", path), 1, sizeof(module) - 1);
    set_string(module, "compatible", "multiboot,kernel");
    set_reg(module, kernel, 4096);
}

static void add_share(const char *path, const char *id, const char *role, const char *access)
{
    set_string(path, "compatible", "xen,domain-shared-memory-v1");
    set_string(path, "xen,shm-id", id);
    set_string(path, "role", role);
    set_string(path, "latch,access", access);
    set_u64(path, "size", 64);
}

static int good_tree(void **state)
{
    (void)state;
    assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
    assert_int_equal(fdt_setprop_u32(tree, 0, "#address-cells", 2), 0);
    assert_int_equal(fdt_setprop_u32(tree, 0, "#size-cells", 2), 0);
    set_string("/memory", "device_type", "memory");
    set_reg("/memory", 0x40000000, UINT64_C(256) << 20);
    add_domain(ONE, 0x44000000);
    add_domain(TWO, 0x45000000);
    add_share(ONE_SHARE, "ring", "owner", "rw");
    add_share(TWO_SHARE, "ring", "borrower", "ro");
    return 0;
}

static void expect_fine(void)
{
    nr_errors = 0;
    if (config_parse(tree, &parsed, collect, NULL) != HV_OK)
        fail_msg("%s: %s", last_path, last_reason);
    assert_int_equal(nr_errors, 0);
}

static void expect_refusal(const char *path, const char *reason)
{
    nr_errors = 0;
    assert_int_equal(config_parse(tree, &parsed, collect, NULL), HV_EINVAL);
    assert_string_equal(last_path, path);
    assert_string_equal(last_reason, reason);
    assert_int_equal(nr_errors, 1);
}

static const struct share_config *share_of(const char *domain)
{
    for (unsigned int i = 0; i < parsed.nr_domains; i++) {
        if (strcmp(parsed.domain[i].name, domain) == 0) {
            assert_int_equal(parsed.domain[i].nr_shares, 1);
            return &parsed.domain[i].share[0];
        }
    }
    fail_msg("no domain %s", domain);
    return NULL;
}

static void nodes_are_understood(void **state)
{
    (void)state;
    expect_fine();
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
    expect_fine();
}

static void unknown_property_is_refused(void **state)
{
    (void)state;
    set_string(TWO_SHARE, "latch,acces", "rw");
    expect_refusal(TWO_SHARE, "latch,acces: unknown property");
}

static void addresses_cannot_be_chosen(void **state)
{
    (void)state;
    set_u64(TWO_SHARE, "xen,shared-mem", 0x50000000);
    expect_refusal(TWO_SHARE, "xen,shared-mem: not supported by this build yet");
}

static void missing_properties_are_refused(void **state)
{
    (void)state;
    drop(TWO_SHARE, "latch,access");
    expect_refusal(TWO_SHARE, "latch,access: is missing");
    good_tree(state);
    drop(TWO_SHARE, "role");
    expect_refusal(TWO_SHARE, "role: is missing");
    good_tree(state);
    drop(TWO_SHARE, "size");
    expect_refusal(TWO_SHARE, "size: must be one number of two cells");
    good_tree(state);
    drop(TWO_SHARE, "xen,shm-id");
    expect_refusal(TWO_SHARE, "xen,shm-id: must be one string of 1 to 31 characters");
}

static void strange_values_are_refused(void **state)
{
    (void)state;
    set_string(TWO_SHARE, "latch,access", "wo");
    expect_refusal(TWO_SHARE, "latch,access: \"wo\" is not one of ro, rw");
    good_tree(state);
    set_string(TWO_SHARE, "role", "guest");
    expect_refusal(TWO_SHARE, "role: \"guest\" is not one of borrower, owner");
    good_tree(state);
    set_string(TWO_SHARE, "xen,shm-id", "");
    expect_refusal(TWO_SHARE, "xen,shm-id: must be one string of 1 to 31 characters");
    good_tree(state);
    set_string(TWO_SHARE, "xen,shm-id", "a2345678901234567890123456789012");
    expect_refusal(TWO_SHARE, "xen,shm-id: must be one string of 1 to 31 characters");
}

static void sizes_are_pages(void **state)
{
    (void)state;
    set_u64(TWO_SHARE, "size", 62);
    expect_refusal(TWO_SHARE, "size: not a multiple of 4 KiB (the unit is KiB)");
    set_u64(TWO_SHARE, "size", 0);
    expect_refusal(TWO_SHARE, "size: zero");
    set_u64(TWO_SHARE, "size", UINT64_C(1) << 38);
    expect_refusal(TWO_SHARE, "size: beyond 48 bits");
}

static void sizes_have_to_agree(void **state)
{
    (void)state;
    set_u64(TWO_SHARE, "size", 60);
    nr_errors = 0;
    assert_int_equal(config_parse(tree, &parsed, collect, NULL), HV_EINVAL);
    assert_int_equal(nr_errors, 1);
    assert_string_equal(last_reason, "size: another domain's node for this memory differs");
}

static void size_counts_once_for_the_board(void **state)
{
    (void)state;
    set_u64(ONE_SHARE, "size", 128 * 1024);
    set_u64(TWO_SHARE, "size", 128 * 1024);
    expect_fine();
    set_u64(ONE_SHARE, "size", 128 * 1024 + 4);
    set_u64(TWO_SHARE, "size", 128 * 1024 + 4);
    expect_refusal("/chosen", "the domains need 262148 KiB together, the board has 262144 KiB");
}

static void one_domain_alone_is_refused(void **state)
{
    (void)state;
    assert_int_equal(fdt_del_node(tree, node_at(TWO_SHARE)), 0);
    expect_refusal(ONE_SHARE, "xen,shm-id: no other domain has this memory");
}

static void two_owners_are_refused(void **state)
{
    (void)state;
    set_string(TWO_SHARE, "role", "owner");
    nr_errors = 0;
    assert_int_equal(config_parse(tree, &parsed, collect, NULL), HV_EINVAL);
    assert_int_equal(nr_errors, 1);
    assert_string_equal(last_reason, "role: this memory has another owner");
}

static void memory_without_owner_is_refused(void **state)
{
    (void)state;
    set_string(ONE_SHARE, "role", "borrower");
    nr_errors = 0;
    assert_int_equal(config_parse(tree, &parsed, collect, NULL), HV_EINVAL);
    assert_int_equal(nr_errors, 2);
    assert_string_equal(last_reason, "role: this memory has no owner");
}

static void one_domain_twice_is_refused(void **state)
{
    (void)state;
    add_share("/chosen/two/again", "ring", "borrower", "ro");
    nr_errors = 0;
    assert_int_equal(config_parse(tree, &parsed, collect, NULL), HV_EINVAL);
    assert_int_equal(nr_errors, 1);
    assert_string_equal(last_reason, "xen,shm-id: the domain has another node for this memory");
}

static void four_per_domain_are_accepted_and_five_refused(void **state)
{
    static const char *const id[] = {"a", "b", "c", "d"};
    char path[64];

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(id); i++) {
        if (i == 3)
            expect_fine();
        assert_in_range(snprintf(path, sizeof(path), ONE "/%s", id[i]), 1, sizeof(path) - 1);
        add_share(path, id[i], "owner", "rw");
        assert_in_range(snprintf(path, sizeof(path), TWO "/%s", id[i]), 1, sizeof(path) - 1);
        if (i < 3)
            add_share(path, id[i], "borrower", "rw");
    }
    nr_errors = 0;
    assert_int_equal(config_parse(tree, &parsed, collect, NULL), HV_EINVAL);
    assert_int_equal(nr_errors, 1);
    assert_string_equal(last_reason, "more than 4 nodes of shared memory in a domain");
}

static void plain_domains_have_none(void **state)
{
    (void)state;
    drop(TWO, "latch,paging");
    expect_refusal(TWO_SHARE, "only direct domains share memory in this version");
}

static void nodes_below_are_refused(void **state)
{
    (void)state;
    node_at(TWO_SHARE "/below");
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
