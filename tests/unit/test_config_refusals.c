/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/config.c: trees that are refused. Each refusal stands by itself: a tree that is fine, one
 * change, and exactly one message at the right node.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "config_tree.h"

/* ---- Refusals that one property makes ---- */

enum change { TEXT, U32, U64, FLAG, REG, DROP, DROP_NODE };

struct refusal {
    const char *test;
    const char *at;
    const char *property;
    enum change change;
    const char *text;
    uint64_t number[2];
    const char *path; /* NULL: `at` */
    const char *reason;
};

static const struct refusal refusals[] = {
    {"memory_zero", LINUX, "memory", U64, NULL, {0}, NULL, "memory: zero"},
    {"memory_odd", LINUX, "memory", U64, NULL, {1024}, NULL, "not a multiple of 2 MiB"},
    {"memory_more_than_board",
     LINUX,
     "memory",
     U64,
     NULL,
     {1 << 21},
     NULL,
     "2097152 KiB, the board has 1048576 KiB"},
    {"memory_huge", LINUX, "memory", U64, NULL, {UINT64_C(1) << 63}, NULL, "the board has"},
    {"memory_one_cell", LINUX, "memory", U32, NULL, {2048}, NULL, "two cells"},
    {"memory_missing", LINUX, "memory", DROP, NULL, {0}, NULL, "two cells"},
    {"memory_together", LINUX, "memory", U64, NULL, {1 << 20}, "/chosen", "together"},
    {"cpus_zero", LINUX, "cpus", U32, NULL, {0}, NULL, "1 to 8"},
    {"cpus_nine", LINUX, "cpus", U32, NULL, {9}, NULL, "1 to 8"},
    {"cpus_more_than_board", LINUX, "cpus", U32, NULL, {5}, NULL, "5, but the board has 4 CPUs"},
    {"placement_short", LINUX, "latch,cpus", FLAG, NULL, {0}, NULL, "one cell for each of the 1"},
    {"placement_long", LINUX, "latch,cpus", U64, NULL, {1}, NULL, "one cell for each of the 1"},
    {"placement_beyond", LINUX, "latch,cpus", U32, NULL, {4}, NULL, "CPU 4: the board has 4"},
    {"cpus_two_cells", LINUX, "cpus", U64, NULL, {1}, NULL, "one cell"},
    {"vpl011_value", LINUX, "vpl011", U32, NULL, {0}, NULL, "is a flag"},
    {"vpl011_of_direct", SECOND, "vpl011", FLAG, NULL, {0}, NULL, "no PL011"},
    {"paging_unknown",
     LINUX,
     "latch,paging",
     TEXT,
     "shadow",
     {0},
     NULL,
     "\"shadow\" is not one of plain, direct, guarded"},
    {"paging_empty", LINUX, "latch,paging", TEXT, "", {0}, NULL, "not one of"},
    {"paging_number", LINUX, "latch,paging", U32, NULL, {0x61616161}, NULL, "must be one string"},
    {"policy_unknown", SECOND, "latch,ptwr-policy", TEXT, "always", {0}, NULL, "predict, emulate"},
    {"action_unknown", SECOND, "latch,guard-action", TEXT, "warn", {0}, NULL, "crash, refuse"},
    {"reset_unknown", SECOND, "latch,on-reset", TEXT, "halt", {0}, NULL, "restart, stop"},
    {"guard_unknown", SECOND, "latch,guard", TEXT, "off", {0}, NULL, "enforce, audit"},
    {"text_unknown", SECOND, "latch,text-policy", TEXT, "no", {0}, NULL, "allow, audit, deny"},
    {"writers_unknown", SECOND, "latch,user-writers", TEXT, "1", {0}, NULL, "off, on"},
    {"control_value", SECOND, "latch,control", TEXT, "yes", {0}, NULL, "is a flag"},
    {"slots_zero", SECOND, "latch,slots", U32, NULL, {0}, NULL, "1 to 16"},
    {"slots_many", SECOND, "latch,slots", U32, NULL, {17}, NULL, "1 to 16"},
    {"slots_text", SECOND, "latch,slots", TEXT, "2", {0}, NULL, "one cell"},
    {"load_address_odd", LINUX, "latch,load-address", U64, NULL, {0x40000800}, NULL, "4 KiB"},
    {"load_address_zero", LINUX, "latch,load-address", U64, NULL, {0}, NULL, "not 0"},
    {"load_address_one_cell",
     LINUX,
     "latch,load-address",
     U32,
     NULL,
     {0x40000000},
     NULL,
     "two cells"},
    {"load_address_of_direct",
     SECOND,
     "latch,load-address",
     U64,
     NULL,
     {0x40000000},
     NULL,
     "a direct domain takes no flat binaries"},
    {"unknown_latch", LINUX, "latch,pagin", TEXT, "plain", {0}, NULL, "unknown property"},
    {"unknown_latch_module", KERNEL, "latch,compress", FLAG, NULL, {0}, NULL, "unknown property"},
    {"unknown_latch_chosen", "/chosen", "latch,slots", U32, NULL, {2}, NULL, "unknown property"},
    {"unknown_latch_group",
     "/chosen/group",
     "latch,slots",
     U32,
     NULL,
     {2},
     NULL,
     "unknown property"},
    {"file_of_domain", LINUX, "latch,file", TEXT, "x", {0}, NULL, "unknown property"},
    {"unknown_plain", LINUX, "vpl01", FLAG, NULL, {0}, NULL, "unknown property"},
    {"xen_direct_map", LINUX, "direct-map", FLAG, NULL, {0}, NULL, "direct-map: not supported"},
    {"bootargs_of_ramdisk",
     "/chosen/linux/initrd",
     "bootargs",
     TEXT,
     "x",
     {0},
     NULL,
     "unknown property"},
    {"bootargs_number", KERNEL, "bootargs", U32, NULL, {0x61616161}, NULL, "one string"},
    {"kernel_missing", KERNEL, NULL, DROP_NODE, NULL, {0}, LINUX, "no kernel"},
    {"module_unknown",
     "/chosen/linux/initrd",
     "compatible",
     TEXT,
     "multiboot,microcode",
     {0},
     NULL,
     "neither"},
    {"module_untyped", "/chosen/linux/initrd", "compatible", DROP, NULL, {0}, NULL, "neither"},
    {"module_node_below", KERNEL "/x", "a", FLAG, NULL, {0}, NULL, "no nodes below"},
    {"reg_missing", KERNEL, "reg", DROP, NULL, {0}, NULL, "one address and one size"},
    {"reg_short", KERNEL, "reg", U64, NULL, {0x48000000}, NULL, "one address and one size"},
    {"reg_empty", KERNEL, "reg", REG, NULL, {0x48000000, 0}, NULL, "the file is empty"},
    {"reg_odd", KERNEL, "reg", REG, NULL, {0x48000001, 4096}, NULL, "4 KiB"},
    {"reg_wraps", KERNEL, "reg", REG, NULL, {0x48000000, ~UINT64_C(0)}, NULL, "beyond 48 bits"},
    {"reg_wraps_high", KERNEL, "reg", REG, NULL, {~UINT64_C(0xfff), 4096}, NULL, "beyond 48 bits"},
    {"larger_than_memory",
     KERNEL,
     "reg",
     REG,
     NULL,
     {0x60000000, 257 * MIB},
     NULL,
     "larger than the domain's memory"},
    {"below_ram", KERNEL, "reg", REG, NULL, {0x3ffff000, 8192}, NULL, "the board's memory"},
    {"above_ram", KERNEL, "reg", REG, NULL, {0x80000000, 4096}, NULL, "the board's memory"},
    {"on_other_module", KERNEL, "reg", REG, NULL, {0x4ffff000, 8192}, NULL, "overlaps /chosen"},
    {"around_other_module",
     KERNEL,
     "reg",
     REG,
     NULL,
     {0x4f000000, 32 * MIB},
     NULL,
     "overlaps /chosen/linux/initrd [0x50000000, 0x50300005)"},
    {"on_module_of_other",
     "/chosen/group/direct/kernel",
     "reg",
     REG,
     NULL,
     {0x48001000, 4096},
     KERNEL,
     "overlaps /chosen/group/direct/kernel"},
    {"on_reserved_memory",
     KERNEL,
     "reg",
     REG,
     NULL,
     {0x7efff000, 8192},
     NULL,
     "overlaps /reserved-memory/firmware [0x7f000000, 0x80000000)"},
    {"inside_reserved_memory", KERNEL, "reg", REG, NULL, {0x7f100000, 4096}, NULL, "firmware"},
};

static void apply(const struct refusal *r)
{
    switch (r->change) {
    case TEXT:
        tree_set_string(r->at, r->property, r->text);
        break;
    case U32:
        tree_set_u32(r->at, r->property, (uint32_t)r->number[0]);
        break;
    case U64:
        tree_set_u64(r->at, r->property, r->number[0]);
        break;
    case FLAG:
        tree_set(r->at, r->property, NULL, 0);
        break;
    case REG:
        tree_set_reg(r->at, r->number[0], r->number[1]);
        break;
    case DROP:
        tree_drop(r->at, r->property);
        break;
    case DROP_NODE:
        tree_drop_node(r->at);
        break;
    }
}

static void is_refused(void **state)
{
    const struct refusal *r = *state;

    tree_make_good();
    apply(r);
    tree_expect_refusal(r->path != NULL ? r->path : r->at, r->reason);
}

/* ---- Refusals that need more ---- */

static void two_of_one_module_kind_are_refused(void **state)
{
    (void)state;
    tree_make_good();
    tree_add_module("/chosen/group/direct/kernel2", "kernel", 0x60000000, 4096);
    tree_drop_node("/chosen/group/direct/kernel");
    tree_add_module("/chosen/group/direct/kernel", "kernel", 0x54000000, 4096);
    tree_expect_refusal("/chosen/group/direct/kernel2", "another module of this kind");
}

static void same_names_are_refused(void **state)
{
    (void)state;
    tree_make_good();
    tree_add_domain("/chosen/group/linux@1", 2);
    tree_add_module("/chosen/group/linux@1/kernel", "kernel", 0x60000000, 4096);
    assert_int_equal(tree_parse(), HV_EINVAL);
    assert_int_equal(tree_errors.count, 1);
    assert_string_equal(tree_errors.reason[0], "another domain has this name");
}

static void long_and_strange_names_are_refused(void **state)
{
    (void)state;
    tree_make_good();
    tree_add_domain("/chosen/a2345678901234567890123456789012", 2);
    tree_add_module("/chosen/a2345678901234567890123456789012/kernel", "kernel", 0x60000000, 1);
    tree_expect_refusal("/chosen/a2345678901234567890123456789012", "1 to 31");
    tree_make_good();
    tree_add_domain("/chosen/a\033[2J", 2);
    tree_add_module("/chosen/a\033[2J/kernel", "kernel", 0x60000000, 1);
    tree_expect_refusal("/chosen/a\033[2J", "character");
}

static void domain_in_a_domain_is_refused(void **state)
{
    (void)state;
    tree_make_good();
    tree_add_domain(LINUX "/inner", 2);
    tree_expect_refusal(LINUX "/inner", "neither");
}

static void tree_without_domains_is_refused(void **state)
{
    (void)state;
    tree_make_good();
    tree_drop_node(LINUX);
    tree_drop_node("/chosen/group");
    tree_expect_refusal("/chosen", "no domain");
    tree_drop_node("/chosen");
    tree_expect_refusal("/", "no /chosen");
}

static void tree_without_memory_is_refused(void **state)
{
    (void)state;
    tree_make_good();
    tree_drop_node("/memory@40000000");
    tree_set_string("/memory@60000000", "status", "disabled");
    tree_expect_refusal("/", "no memory");
}

static void gap_in_memory_is_no_place_for_a_module(void **state)
{
    (void)state;
    tree_make_good();
    tree_set_reg("/memory@60000000", 0x60001000, 512 * MIB);
    tree_set_reg(KERNEL, 0x5f000000, 32 * MIB);
    tree_expect_refusal(KERNEL, "the board's memory");
}

static void memory_reservation_is_kept_clear(void **state)
{
    (void)state;
    tree_make_good();
    assert_int_equal(fdt_add_mem_rsv(tree, 0x48001000, 4096), 0);
    tree_expect_refusal(KERNEL, "overlaps the memory reservation [0x48001000, 0x48002000)");
}

static void cells_that_no_address_has_are_refused(void **state)
{
    (void)state;
    tree_make_good();
    tree_set_u32(LINUX, "#address-cells", 3);
    assert_int_equal(tree_parse(), HV_EINVAL);
    assert_string_equal(tree_errors.path[0], LINUX);
    assert_non_null(strstr(tree_errors.reason[0], "must be 1 or 2"));
}

/* In place, a guest owns the rest of a module's last block: nothing else may lie there. */
static void block_of_a_module_in_place_is_its_own(void **state)
{
    (void)state;
    tree_make_good();
    tree_set_reg(KERNEL, 0x48000000, 4096);
    tree_set_reg("/chosen/group/direct/kernel", 0x48100000, 4096);
    tree_expect_fine();
    tree_set_string(LINUX, "latch,on-reset", "stop");
    tree_expect_refusal(KERNEL, "overlaps /chosen/group/direct/kernel");
}

static void bootargs_fill_their_room(void **state)
{
    char bootargs[CONFIG_BOOTARGS_SIZE + 1];

    (void)state;
    tree_make_good();
    tree_drop_node("/chosen/group");
    memset(bootargs, 'x', sizeof(bootargs));
    bootargs[CONFIG_BOOTARGS_SIZE - 1] = '\0';
    tree_set_string(KERNEL, "bootargs", bootargs);
    tree_expect_fine();
    assert_string_equal(tree_parsed.domain[0].kernel.bootargs, bootargs);
    bootargs[CONFIG_BOOTARGS_SIZE - 1] = 'x';
    bootargs[CONFIG_BOOTARGS_SIZE] = '\0';
    tree_set_string(KERNEL, "bootargs", bootargs);
    tree_expect_refusal(KERNEL, "longer than 1023");
}

static void all_mistakes_are_reported(void **state)
{
    (void)state;
    tree_make_good();
    tree_set_u64(LINUX, "memory", 0);
    tree_set_u32(LINUX, "cpus", 0);
    tree_set_string(SECOND, "latch,guard", "maybe");
    tree_set_reg(KERNEL, 0x10000000, 4096);
    assert_int_equal(tree_parse(), HV_EINVAL);
    assert_int_equal(tree_errors.count, 4);
}

static void what_is_no_tree_is_refused(void **state)
{
    (void)state;
    memset(tree, 0, sizeof(tree));
    assert_int_equal(tree_parse(), HV_EINVAL);
    assert_int_equal(tree_errors.count, 1);
    assert_string_equal(tree_errors.reason[0], "not a device tree");
}

/* Any byte of the structure may be damaged: an answer, whatever it is, and no access outside. */
static void damaged_trees_do_no_harm(void **state)
{
    static char good[TREE_SIZE];
    (void)state;
    tree_make_good();
    assert_int_equal(fdt_pack(tree), 0);
    memcpy(good, tree, sizeof(good));
    for (size_t i = 0; i < fdt_totalsize(good); i++) {
        memcpy(tree, good, sizeof(tree));
        tree[i] = (char)(tree[i] ^ (1 << (i % 8)));
        if (fdt_check_full(tree, sizeof(tree)) == 0)
            assert_true(tree_parse() == HV_OK || tree_errors.count != 0);
    }
}

static const struct CMUnitTest others[] = {
    cmocka_unit_test(two_of_one_module_kind_are_refused),
    cmocka_unit_test(same_names_are_refused),
    cmocka_unit_test(long_and_strange_names_are_refused),
    cmocka_unit_test(domain_in_a_domain_is_refused),
    cmocka_unit_test(tree_without_domains_is_refused),
    cmocka_unit_test(tree_without_memory_is_refused),
    cmocka_unit_test(gap_in_memory_is_no_place_for_a_module),
    cmocka_unit_test(memory_reservation_is_kept_clear),
    cmocka_unit_test(cells_that_no_address_has_are_refused),
    cmocka_unit_test(block_of_a_module_in_place_is_its_own),
    cmocka_unit_test(bootargs_fill_their_room),
    cmocka_unit_test(all_mistakes_are_reported),
    cmocka_unit_test(what_is_no_tree_is_refused),
    cmocka_unit_test(damaged_trees_do_no_harm),
};

int main(void)
{
    static struct CMUnitTest tests[ARRAY_SIZE(others) + ARRAY_SIZE(refusals)];

    memcpy(tests, others, sizeof(others));
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        tests[ARRAY_SIZE(others) + i] = (struct CMUnitTest){
            .name = refusals[i].test, /* what is refused */
            .test_func = is_refused,
            .initial_state = (void *)(uintptr_t)&refusals[i],
        };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
