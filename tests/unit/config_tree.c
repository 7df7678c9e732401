/* SPDX-License-Identifier: Apache-2.0 */
#include "config_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

char tree[TREE_SIZE];
struct system tree_parsed;
struct tree_errors tree_errors;

static void collect(void *ctx, const char *path, const char *reason)
{
    struct tree_errors *errors = ctx;
    unsigned int i = errors->count++;

    if (i < TREE_ERRORS) {
        assert_in_range(snprintf(errors->path[i], sizeof(errors->path[i]), "%s", path), 0,
                        sizeof(errors->path[i]) - 1);
        assert_in_range(snprintf(errors->reason[i], sizeof(errors->reason[i]), "%s", reason), 0,
                        sizeof(errors->reason[i]) - 1);
    }
}

int tree_node_at(const char *path)
{
    int node = 0;
    const char *next = path;

    while (*next == '/' && next[1] != '\0') {
        size_t length = strcspn(next + 1, "/");
        int child = fdt_subnode_offset_namelen(tree, node, next + 1, (int)length);

        if (child < 0)
            child = fdt_add_subnode_namelen(tree, node, next + 1, (int)length);
        assert_true(child >= 0);
        node = child;
        next += 1 + length;
    }
    return node;
}

void tree_set(const char *path, const char *property, const void *value, size_t size)
{
    assert_int_equal(fdt_setprop(tree, tree_node_at(path), property, value, (int)size), 0);
}

void tree_set_u32(const char *path, const char *property, uint32_t value)
{
    assert_int_equal(fdt_setprop_u32(tree, tree_node_at(path), property, value), 0);
}

void tree_set_u64(const char *path, const char *property, uint64_t value)
{
    assert_int_equal(fdt_setprop_u64(tree, tree_node_at(path), property, value), 0);
}

void tree_set_string(const char *path, const char *property, const char *value)
{
    tree_set(path, property, value, strlen(value) + 1);
}

void tree_set_reg(const char *path, uint64_t base, uint64_t size)
{
    tree_set_u64(path, "reg", base);
    assert_int_equal(fdt_appendprop_u64(tree, tree_node_at(path), "reg", size), 0);
}

void tree_drop(const char *path, const char *property)
{
    assert_int_equal(fdt_delprop(tree, tree_node_at(path), property), 0);
}

void tree_drop_node(const char *path)
{
    assert_int_equal(fdt_del_node(tree, tree_node_at(path)), 0);
}

void tree_add_domain(const char *path, uint64_t memory_mib)
{
    tree_set_string(path, "compatible", "xen,domain");
    tree_set_u32(path, "#address-cells", 2);
    tree_set_u32(path, "#size-cells", 2);
    tree_set_u64(path, "memory", memory_mib * 1024);
    tree_set_u32(path, "cpus", 1);
}

void tree_add_module(const char *path, const char *kind, uint64_t base, uint64_t size)
{
    char compatible[64];
    int length =
        snprintf(compatible, sizeof(compatible), "multiboot,%s%cmultiboot,module", kind, '\0');

    tree_set(path, "compatible", compatible, (size_t)length + 1);
    tree_set_reg(path, base, size);
}

void tree_make_good(void)
{
    assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
    tree_set_u32("/", "#address-cells", 2);
    tree_set_u32("/", "#size-cells", 2);
    tree_set_string("/cpus/cpu-map/socket0", "what", "is no CPU");
    for (uint32_t i = 0; i < 4; i++) {
        char path[] = "/cpus/cpu@0";

        path[10] = (char)('0' + i);
        tree_set_u32(path, "reg", i);
    }
    tree_set_string("/memory@40000000", "device_type", "memory");
    tree_set_reg("/memory@40000000", 0x40000000, 512 * MIB);
    tree_set_string("/memory@60000000", "device_type", "memory");
    tree_set_reg("/memory@60000000", 0x60000000, 512 * MIB);
    tree_set_u32("/reserved-memory", "#address-cells", 2);
    tree_set_u32("/reserved-memory", "#size-cells", 2);
    tree_set_reg("/reserved-memory/firmware", 0x7f000000, 16 * MIB);

    tree_add_domain(LINUX, 256);
    tree_set(LINUX, "vpl011", NULL, 0);
    tree_add_module(KERNEL, "kernel", 0x48000000, 20 * MIB);
    tree_set_string(KERNEL, "bootargs", "console=ttyAMA0");
    tree_set_string(KERNEL, "latch,file", "vmlinuz");
    tree_add_module("/chosen/linux/initrd", "ramdisk", 0x50000000, 3 * MIB + 5);
    tree_add_domain(SECOND, 64);
    tree_set_string(SECOND, "latch,paging", "direct");
    tree_add_module("/chosen/group/direct/kernel", "kernel", 0x54000000, 4096);
}

enum hv_err tree_parse(void)
{
    memset(&tree_errors, 0, sizeof(tree_errors));
    return config_parse(tree, &tree_parsed, collect, &tree_errors);
}

void tree_expect_fine(void)
{
    enum hv_err err = tree_parse();

    if (tree_errors.count != 0)
        fail_msg("%s: %s", tree_errors.path[0], tree_errors.reason[0]);
    assert_int_equal(err, HV_OK);
}

void tree_expect_refusal(const char *path, const char *reason)
{
    assert_int_equal(tree_parse(), HV_EINVAL);
    for (unsigned int i = 0; i < tree_errors.count && i < TREE_ERRORS; i++) {
        if (tree_errors.count != 1)
            print_message("%s: %s\n", tree_errors.path[i], tree_errors.reason[i]);
    }
    assert_int_equal(tree_errors.count, 1);
    if (path != NULL)
        assert_string_equal(tree_errors.path[0], path);
    if (strstr(tree_errors.reason[0], reason) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", tree_errors.reason[0], reason);
}
