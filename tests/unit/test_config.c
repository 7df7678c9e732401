/* SPDX-License-Identifier: Apache-2.0 */
/* core/config.c: trees that are accepted, and what is understood of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "config_tree.h"

/* The domain that tree_make_good() has at LINUX. */
static const struct domain_config *the_linux(void)
{
    for (unsigned int i = 0; i < tree_parsed.nr_domains; i++) {
        if (strcmp(tree_parsed.domain[i].name, "linux") == 0)
            return &tree_parsed.domain[i];
    }
    fail_msg("no domain of that name");
    return NULL;
}

static void good_tree_is_understood(void **state)
{
    const struct domain_config *d = &tree_parsed.domain[0];

    (void)state;
    tree_make_good();
    tree_expect_fine();
    assert_int_equal(tree_parsed.nr_domains, 2);
    if (strcmp(d->name, "linux") != 0)
        d = &tree_parsed.domain[1];
    assert_string_equal(d->name, "linux");
    assert_int_equal(d->paging, DOMAIN_PLAIN);
    assert_int_equal(d->memory, 256 * MIB);
    assert_int_equal(d->nr_vcpus, 1);
    assert_true(d->vpl011);
    assert_true(d->kernel.present);
    assert_int_equal(d->kernel.base, 0x48000000);
    assert_int_equal(d->kernel.size, 20 * MIB);
    assert_string_equal(d->kernel.bootargs, "console=ttyAMA0");
    assert_true(d->ramdisk.present);
    assert_int_equal(d->ramdisk.size, 3 * MIB + 5);
    assert_false(d->dtb.present);
}

static void defaults_are_the_documented_ones(void **state)
{
    const struct domain_config *d = &tree_parsed.domain[0];

    (void)state;
    tree_make_good();
    tree_drop_node(LINUX);
    tree_drop(SECOND, "cpus");
    tree_expect_fine();
    assert_int_equal(d->paging, DOMAIN_DIRECT);
    assert_int_equal(d->nr_vcpus, 1);
    assert_false(d->vpl011);
    assert_int_equal(d->load_address, 0);
    assert_true(d->on_reset_restart);
    assert_int_equal(d->ptwr_policy, PTWR_POLICY_PREDICT);
    assert_int_equal(d->slots, 2);
    assert_int_equal(d->guard_action, PTWR_ACTION_CRASH);
    assert_int_equal(d->guard, GUARD_ENFORCE);
    assert_int_equal(d->text_policy, TEXT_ALLOW);
    assert_false(d->user_writers);
    assert_false(d->control);
    assert_string_equal(d->kernel.bootargs, "");
}

static void every_property_is_read(void **state)
{
    const struct domain_config *d = &tree_parsed.domain[0];

    (void)state;
    tree_make_good();
    tree_drop_node("/chosen/group");
    tree_set_u64(LINUX, "latch,load-address", 0x40200000);
    tree_set_string(LINUX, "latch,on-reset", "stop");
    tree_set_string(LINUX, "latch,ptwr-policy", "open");
    tree_set_u32(LINUX, "latch,slots", 16);
    tree_set_string(LINUX, "latch,guard-action", "refuse");
    tree_set_string(LINUX, "latch,guard", "audit");
    tree_set_string(LINUX, "latch,text-policy", "deny");
    tree_set_string(LINUX, "latch,user-writers", "on");
    tree_set(LINUX, "latch,control", NULL, 0);
    tree_add_module("/chosen/linux/dtb", "device-tree", 0x58000000, 4096);
    tree_expect_fine();
    assert_int_equal(d->load_address, 0x40200000);
    assert_false(d->on_reset_restart);
    assert_int_equal(d->ptwr_policy, PTWR_POLICY_OPEN);
    assert_int_equal(d->slots, 16);
    assert_int_equal(d->guard_action, PTWR_ACTION_REFUSE);
    assert_int_equal(d->guard, GUARD_AUDIT);
    assert_int_equal(d->text_policy, TEXT_DENY);
    assert_true(d->user_writers);
    assert_true(d->control);
    assert_true(d->dtb.present);
    tree_set_string(LINUX, "latch,ptwr-policy", "emulate");
    tree_expect_fine();
    assert_int_equal(d->ptwr_policy, PTWR_POLICY_EMULATE);
}

static void one_cell_regs_are_read(void **state)
{
    (void)state;
    tree_make_good();
    tree_drop_node("/chosen/group");
    tree_drop_node("/chosen/linux/initrd");
    tree_set_u32(LINUX, "#address-cells", 1);
    tree_set_u32(LINUX, "#size-cells", 1);
    tree_set_u32(KERNEL, "reg", 0x48000000);
    assert_int_equal(fdt_appendprop_u32(tree, tree_node_at(KERNEL), "reg", 0x1234), 0);
    tree_expect_fine();
    assert_int_equal(tree_parsed.domain[0].kernel.base, 0x48000000);
    assert_int_equal(tree_parsed.domain[0].kernel.size, 0x1234);
}

static void unit_address_is_no_part_of_the_name(void **state)
{
    (void)state;
    tree_make_good();
    tree_drop_node("/chosen/group");
    tree_drop_node(LINUX);
    tree_add_domain("/chosen/rtos@1", 2);
    tree_add_module("/chosen/rtos@1/kernel", "kernel", 0x48000000, 1);
    tree_expect_fine();
    assert_string_equal(tree_parsed.domain[0].name, "rtos");
}

static void module_may_cross_memory_nodes_that_touch(void **state)
{
    (void)state;
    tree_make_good();
    tree_set_reg(KERNEL, 0x5f000000, 32 * MIB);
    tree_expect_fine();
}

static void eight_domains_are_accepted(void **state)
{
    char domain[] = "/chosen/d0";
    char kernel[] = "/chosen/d0/kernel";

    (void)state;
    tree_make_good();
    tree_drop_node(LINUX);
    tree_drop_node("/chosen/group");
    for (unsigned int i = 0; i < 8; i++) {
        domain[9] = kernel[9] = (char)('0' + i);
        tree_add_domain(domain, 2);
        tree_add_module(kernel, "kernel", 0x48000000 + i * PAGE_SIZE, PAGE_SIZE);
    }
    tree_expect_fine();
    assert_int_equal(tree_parsed.nr_domains, 8);
    tree_add_domain("/chosen/d8", 2);
    tree_add_module("/chosen/d8/kernel", "kernel", 0x49000000, PAGE_SIZE);
    /* libfdt adds nodes in front: the first one made is the last one read. */
    tree_expect_refusal("/chosen/d0", "more than 8 domains");
}

static void set_cells(const char *path, const char *property, const uint32_t *value, size_t count)
{
    fdt32_t cells[8];

    for (size_t i = 0; i < count; i++)
        cells[i] = cpu_to_fdt32(value[i]);
    tree_set(path, property, cells, count * sizeof(cells[0]));
}

static void vcpus_are_numbered_like_cpus(void **state)
{
    (void)state;
    tree_make_good();
    tree_set_u32(LINUX, "cpus", 4);
    tree_expect_fine();
    assert_int_equal(the_linux()->nr_vcpus, 4);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(the_linux()->cpu[i], i);
}

static void vcpus_are_placed(void **state)
{
    static const uint32_t cpus[] = {3, 0, 2};

    (void)state;
    tree_make_good();
    tree_set_u32(LINUX, "cpus", 3);
    set_cells(LINUX, "latch,cpus", cpus, 3);
    tree_expect_fine();
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(the_linux()->cpu[i], cpus[i]);
}

static void vcpus_of_a_domain_on_one_cpu(void **state)
{
    static const uint32_t cpus[] = {1, 2, 1};

    (void)state;
    tree_make_good();
    tree_set_u32(LINUX, "cpus", 3);
    set_cells(LINUX, "latch,cpus", cpus, 3);
    tree_expect_refusal(LINUX, "CPU 1 twice");
}

static void board_whose_cpus_are_not_described(void **state)
{
    (void)state;
    tree_make_good();
    tree_drop_node("/cpus");
    tree_set_u32(LINUX, "cpus", 8);
    tree_expect_fine();
    tree_set_u32(LINUX, "cpus", 1);
    tree_set_u32(LINUX, "latch,cpus", 8);
    tree_expect_refusal(LINUX, "CPU 8: the board has 8");
}

static void domain_elsewhere_is_none(void **state)
{
    (void)state;
    tree_make_good();
    tree_add_domain("/domain", 2);
    tree_expect_fine();
    assert_int_equal(tree_parsed.nr_domains, 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_tree_is_understood),
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(every_property_is_read),
        cmocka_unit_test(one_cell_regs_are_read),
        cmocka_unit_test(unit_address_is_no_part_of_the_name),
        cmocka_unit_test(module_may_cross_memory_nodes_that_touch),
        cmocka_unit_test(eight_domains_are_accepted),
        cmocka_unit_test(vcpus_are_numbered_like_cpus),
        cmocka_unit_test(vcpus_are_placed),
        cmocka_unit_test(vcpus_of_a_domain_on_one_cpu),
        cmocka_unit_test(board_whose_cpus_are_not_described),
        cmocka_unit_test(domain_elsewhere_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
