/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree that Latch writes for a plain guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "core/guest_fdt.h"

#define TREE_SIZE 32768
#define MIB       (UINT64_C(1) << 20)

static char tree[TREE_SIZE];

static const struct guest_fdt_args guest = {
    .bootargs = "quiet",
    .ram_base = 0x40000000,
    .ram_size = 64 * MIB,
    .gic_version = 3,
    .gicd = 0x08000000,
    .gicc = 0x08010000,
    .gicr = 0x080a0000,
    .uart = 0x09000000,
    .nr_vcpus = 2,
    .initrd_start = 0x42000000,
    .initrd_end = 0x42001234,
    .rng_seed = "\x01\x00\x03",
    .rng_seed_size = 3,
};

static void tree_has(const char *path, const char *property, const void *value, size_t size)
{
    int length;
    const void *data = fdt_getprop(tree, fdt_path_offset(tree, path), property, &length);

    if (data == NULL || (size_t)length != size || memcmp(data, value, size) != 0)
        fail_msg("%s %s: length %d, or other bytes", path, property, length);
}

static void tree_has_string(const char *path, const char *property, const char *value)
{
    tree_has(path, property, value, strlen(value) + 1);
}

static void tree_has_cells(const char *path, const char *property, const uint32_t *cells,
                           size_t count)
{
    fdt32_t value[16];

    for (size_t i = 0; i < count; i++)
        value[i] = cpu_to_fdt32(cells[i]);
    tree_has(path, property, value, count * sizeof(value[0]));
}
#define TREE_HAS_CELLS(path, property, ...)                                                        \
    tree_has_cells((path), (property), (const uint32_t[]){__VA_ARGS__},                            \
                   sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void guest_tree_describes_its_machine(void **state)
{
    (void)state;
    assert_int_equal(guest_fdt_build(&guest, tree, sizeof(tree)), HV_OK);
    assert_int_equal(fdt_check_full(tree, sizeof(tree)), 0);
    tree_has_string("/chosen", "bootargs", "quiet");
    tree_has_string("/chosen", "stdout-path", "serial0");
    tree_has("/chosen", "rng-seed", "\x01\x00\x03", 3);
    TREE_HAS_CELLS("/chosen", "linux,initrd-start", 0, 0x42000000);
    TREE_HAS_CELLS("/chosen", "linux,initrd-end", 0, 0x42001234);
    TREE_HAS_CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x04000000);
    tree_has_string("/memory@40000000", "device_type", "memory");
    tree_has_string("/cpus/cpu@1", "enable-method", "psci");
    tree_has_string("/cpus/cpu@1", "compatible", "arm,armv8");
    TREE_HAS_CELLS("/cpus/cpu@1", "reg", 1);
    assert_true(fdt_path_offset(tree, "/cpus/cpu@2") < 0);
    tree_has_string("/psci", "method", "hvc");
    assert_int_equal(
        fdt_node_check_compatible(tree, fdt_path_offset(tree, "/psci"), "arm,psci-1.0"), 0);
    TREE_HAS_CELLS("/timer", "interrupts", 1, 13, 8, 1, 14, 8, 1, 11, 8, 1, 10, 8);
    tree_has("/timer", "always-on", "", 0);
    assert_true(fdt_node_offset_by_compatible(tree, -1, "latch") >= 0);
}

static void guest_tree_has_the_gic_of_the_board(void **state)
{
    struct guest_fdt_args v2 = guest;
    const char *gic = "/interrupt-controller@8000000";

    (void)state;
    assert_int_equal(guest_fdt_build(&guest, tree, sizeof(tree)), HV_OK);
    tree_has_string(gic, "compatible", "arm,gic-v3");
    TREE_HAS_CELLS(gic, "reg", 0, 0x08000000, 0, 0x10000, 0, 0x080a0000, 0, 0x40000);
    v2.gic_version = 2;
    assert_int_equal(guest_fdt_build(&v2, tree, sizeof(tree)), HV_OK);
    TREE_HAS_CELLS(gic, "reg", 0, 0x08000000, 0, 0x1000, 0, 0x08010000, 0, 0x2000);
    TREE_HAS_CELLS(gic, "#interrupt-cells", 3);
    TREE_HAS_CELLS("/timer", "interrupts", 1, 13, 0x308, 1, 14, 0x308, 1, 11, 0x308, 1, 10, 0x308);
    assert_int_equal(
        fdt_getprop(tree, fdt_path_offset(tree, gic), "interrupt-controller", NULL) != NULL, 1);
    TREE_HAS_CELLS("/", "interrupt-parent", fdt_get_phandle(tree, fdt_path_offset(tree, gic)));
}

static void guest_tree_has_a_pl011_if_asked(void **state)
{
    struct guest_fdt_args bare = guest;
    int uart;

    (void)state;
    assert_int_equal(guest_fdt_build(&guest, tree, sizeof(tree)), HV_OK);
    uart = fdt_path_offset(tree, "serial0");
    assert_true(uart >= 0);
    assert_int_equal(fdt_node_check_compatible(tree, uart, "arm,pl011"), 0);
    assert_int_equal(fdt_node_check_compatible(tree, uart, "arm,primecell"), 0);
    TREE_HAS_CELLS("/pl011@9000000", "reg", 0, 0x09000000, 0, 0x1000);
    TREE_HAS_CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
    TREE_HAS_CELLS("/apb-pclk", "clock-frequency", 24000000);
    TREE_HAS_CELLS("/pl011@9000000", "clocks",
                   fdt_get_phandle(tree, fdt_path_offset(tree, "/apb-pclk")),
                   fdt_get_phandle(tree, fdt_path_offset(tree, "/apb-pclk")));
    bare.uart = 0;
    bare.bootargs = NULL;
    bare.initrd_end = 0;
    bare.rng_seed_size = 0;
    assert_int_equal(guest_fdt_build(&bare, tree, sizeof(tree)), HV_OK);
    assert_true(fdt_node_offset_by_compatible(tree, -1, "arm,pl011") < 0);
    assert_true(fdt_path_offset(tree, "/aliases") < 0);
    assert_int_equal(fdt_first_property_offset(tree, fdt_path_offset(tree, "/chosen")),
                     -FDT_ERR_NOTFOUND);
}

static void guest_tree_that_does_not_fit_is_refused(void **state)
{
    struct guest_fdt_args bad = guest;
    size_t full;

    (void)state;
    assert_int_equal(guest_fdt_build(&guest, tree, sizeof(tree)), HV_OK);
    full = fdt_totalsize(tree);
    for (size_t size = 0; size < full; size++)
        assert_int_equal(guest_fdt_build(&guest, tree, size), HV_E2BIG);
    bad.gic_version = 4;
    assert_int_equal(guest_fdt_build(&bad, tree, sizeof(tree)), HV_EINVAL);
    bad = guest;
    bad.nr_vcpus = 0;
    assert_int_equal(guest_fdt_build(&bad, tree, sizeof(tree)), HV_EINVAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_tree_describes_its_machine),
        cmocka_unit_test(guest_tree_has_the_gic_of_the_board),
        cmocka_unit_test(guest_tree_has_a_pl011_if_asked),
        cmocka_unit_test(guest_tree_that_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
