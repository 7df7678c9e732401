/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of devices behind buses, as the trees of boards have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libfdt.h>

#include "core/fdt_reg.h"

#define TREE_SIZE 4096

static char tree[TREE_SIZE];

/* A node of two-cell or one-cell addresses; its offset. */
static int node_at(int parent, const char *name, uint32_t address_cells, uint32_t size_cells)
{
    int node = fdt_add_subnode(tree, parent, name);

    assert_true(node >= 0);
    assert_int_equal(fdt_setprop_u32(tree, node, "#address-cells", address_cells), 0);
    assert_int_equal(fdt_setprop_u32(tree, node, "#size-cells", size_cells), 0);
    return node;
}

static void set_cells(int node, const char *name, const uint32_t *cells, int count)
{
    fdt32_t value[24];

    for (int i = 0; i < count; i++)
        value[i] = cpu_to_fdt32(cells[i]);
    assert_int_equal(fdt_setprop(tree, node, name, value, count * 4), 0);
}

#define SET(node, name, ...)                                                                       \
    set_cells(node, name, (const uint32_t[]){__VA_ARGS__},                                         \
              (int)(sizeof((const uint32_t[]){__VA_ARGS__}) / 4))

static int make_tree(void **state)
{
    (void)state;
    assert_int_equal(fdt_create_empty_tree(tree, TREE_SIZE), 0);
    assert_int_equal(fdt_setprop_u32(tree, 0, "#address-cells", 2), 0);
    assert_int_equal(fdt_setprop_u32(tree, 0, "#size-cells", 1), 0);
    return 0;
}

/* As a Raspberry Pi 4 has it: one-cell bus addresses, three windows. */
static int make_soc(void)
{
    int soc = node_at(0, "soc", 1, 1);

    SET(soc, "ranges", 0x7e000000, 0, 0xfe000000, 0x1800000, 0x7c000000, 0, 0xfc000000, 0x2000000,
        0x40000000, 0, 0xff800000, 0x800000);
    return soc;
}

static struct fdt_range reg_of(const char *path, unsigned int index)
{
    int node = fdt_path_offset(tree, path);
    struct fdt_range range = {0};

    assert_true(fdt_reg(tree, fdt_parent_offset(tree, node), node, index, &range));
    return range;
}

static void refuses(const char *path, unsigned int index)
{
    int node = fdt_path_offset(tree, path);
    struct fdt_range range;

    assert_false(fdt_reg(tree, fdt_parent_offset(tree, node), node, index, &range));
}

static void device_below_the_root_is_where_its_reg_says(void **state)
{
    (void)state;
    SET(node_at(0, "uart", 0, 0), "reg", 0x1, 0x9000000, 0x1000);
    assert_int_equal(reg_of("/uart", 0).base, 0x109000000);
    assert_int_equal(reg_of("/uart", 0).size, 0x1000);
    refuses("/uart", 1);
}

static void address_is_translated_by_the_window_it_is_in(void **state)
{
    int soc = make_soc();

    (void)state;
    SET(node_at(soc, "gic", 0, 0), "reg", 0x40041000, 0x1000, 0x40042000, 0x2000);
    SET(node_at(soc, "uart", 0, 0), "reg", 0x7e215040, 0x40);
    assert_int_equal(reg_of("/soc/uart", 0).base, 0xfe215040);
    assert_int_equal(reg_of("/soc/gic", 0).base, 0xff841000);
    assert_int_equal(reg_of("/soc/gic", 1).base, 0xff842000);
    assert_int_equal(reg_of("/soc/gic", 1).size, 0x2000);
}

static void buses_are_translated_one_after_the_other(void **state)
{
    int soc = make_soc();
    int inner = node_at(soc, "inner", 2, 1);
    int same = node_at(inner, "same", 2, 1);

    (void)state;
    /* From the inside out: what is changed moves all that comes after it. */
    SET(node_at(same, "device", 0, 0), "reg", 5, 0x180, 0x10);
    assert_int_equal(fdt_setprop_empty(tree, same, "ranges"), 0);
    SET(inner, "ranges", 5, 0x100, 0x7e000000, 0x1000);
    assert_int_equal(reg_of("/soc/inner/same/device", 0).base, 0xfe000080);
}

static void what_no_window_covers_is_nowhere(void **state)
{
    int soc = make_soc();

    (void)state;
    SET(node_at(soc, "below", 0, 0), "reg", 0x7bffffff, 0x1);
    SET(node_at(soc, "above", 0, 0), "reg", 0x7f800000, 0x1);
    SET(node_at(soc, "last", 0, 0), "reg", 0x7f7fffff, 0x1);
    refuses("/soc/below", 0);
    refuses("/soc/above", 0);
    assert_int_equal(reg_of("/soc/last", 0).base, 0xff7fffff);
}

static void bus_without_ranges_leads_nowhere(void **state)
{
    (void)state;
    SET(node_at(node_at(0, "i2c", 1, 0), "chip", 0, 0), "reg", 0x50);
    SET(node_at(node_at(0, "bus", 1, 1), "device", 0, 0), "reg", 0x50, 0x10);
    refuses("/i2c/chip", 0);
    refuses("/bus/device", 0);
}

static void empty_and_missing_regs_are_refused(void **state)
{
    (void)state;
    SET(node_at(0, "empty", 0, 0), "reg", 0, 0x1000, 0);
    SET(node_at(0, "short", 0, 0), "reg", 0, 0x1000);
    node_at(0, "none", 0, 0);
    refuses("/empty", 0);
    refuses("/short", 0);
    refuses("/none", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(device_below_the_root_is_where_its_reg_says, make_tree),
        cmocka_unit_test_setup(address_is_translated_by_the_window_it_is_in, make_tree),
        cmocka_unit_test_setup(buses_are_translated_one_after_the_other, make_tree),
        cmocka_unit_test_setup(what_no_window_covers_is_nowhere, make_tree),
        cmocka_unit_test_setup(bus_without_ranges_leads_nowhere, make_tree),
        cmocka_unit_test_setup(empty_and_missing_regs_are_refused, make_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
