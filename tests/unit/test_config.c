/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/config.c and core/guest_fdt.c. Each refusal stands by itself: a tree that is fine, one
 * change, and exactly one message at the right node.
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

#define TREE_SIZE  32768
#define MAX_ERRORS 8
#define MIB        (UINT64_C(1) << 20)

#define LINUX  "/chosen/linux"
#define KERNEL "/chosen/linux/kernel"
#define SECOND "/chosen/group/direct"

static char tree[TREE_SIZE];
static struct system parsed;

struct errors {
    unsigned int count;
    char path[MAX_ERRORS][128];
    char reason[MAX_ERRORS][256];
};

static void collect(void *ctx, const char *path, const char *reason)
{
    struct errors *errors = ctx;
    unsigned int i = errors->count++;

    if (i < MAX_ERRORS) {
        assert_in_range(snprintf(errors->path[i], sizeof(errors->path[i]), "%s", path), 0,
                        sizeof(errors->path[i]) - 1);
        assert_in_range(snprintf(errors->reason[i], sizeof(errors->reason[i]), "%s", reason), 0,
                        sizeof(errors->reason[i]) - 1);
    }
}

/* ---- Changes to a tree. A node on the way that is missing is made. ---- */

static int node_at(const char *path)
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

static void set(const char *path, const char *property, const void *value, size_t size)
{
    assert_int_equal(fdt_setprop(tree, node_at(path), property, value, (int)size), 0);
}

static void set_u32(const char *path, const char *property, uint32_t value)
{
    assert_int_equal(fdt_setprop_u32(tree, node_at(path), property, value), 0);
}

static void set_u64(const char *path, const char *property, uint64_t value)
{
    assert_int_equal(fdt_setprop_u64(tree, node_at(path), property, value), 0);
}

static void set_string(const char *path, const char *property, const char *value)
{
    set(path, property, value, strlen(value) + 1);
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

static void drop_node(const char *path) { assert_int_equal(fdt_del_node(tree, node_at(path)), 0); }

static void add_domain(const char *path, uint64_t memory_mib)
{
    set_string(path, "compatible", "xen,domain");
    set_u32(path, "#address-cells", 2);
    set_u32(path, "#size-cells", 2);
    set_u64(path, "memory", memory_mib * 1024);
    set_u32(path, "cpus", 1);
}

static void add_module(const char *path, const char *kind, uint64_t base, uint64_t size)
{
    char compatible[64];
    int length =
        snprintf(compatible, sizeof(compatible), "multiboot,%s%cmultiboot,module", kind, '\0');

    set(path, "compatible", compatible, (size_t)length + 1);
    set_reg(path, base, size);
}

/* 4 CPUs, 1 GiB of RAM in two nodes that touch; a plain domain and a direct one. */
static void good_tree(void)
{
    assert_int_equal(fdt_create_empty_tree(tree, sizeof(tree)), 0);
    set_u32("/", "#address-cells", 2);
    set_u32("/", "#size-cells", 2);
    set_string("/cpus/cpu-map/socket0", "what", "is no CPU");
    for (uint32_t i = 0; i < 4; i++) {
        char path[] = "/cpus/cpu@0";

        path[10] = (char)('0' + i);
        set_u32(path, "reg", i);
    }
    set_string("/memory@40000000", "device_type", "memory");
    set_reg("/memory@40000000", 0x40000000, 512 * MIB);
    set_string("/memory@60000000", "device_type", "memory");
    set_reg("/memory@60000000", 0x60000000, 512 * MIB);
    set_u32("/reserved-memory", "#address-cells", 2);
    set_u32("/reserved-memory", "#size-cells", 2);
    set_reg("/reserved-memory/firmware", 0x7f000000, 16 * MIB);

    add_domain(LINUX, 256);
    set(LINUX, "vpl011", NULL, 0);
    add_module(KERNEL, "kernel", 0x48000000, 20 * MIB);
    set_string(KERNEL, "bootargs", "console=ttyAMA0");
    set_string(KERNEL, "latch,file", "vmlinuz");
    add_module("/chosen/linux/initrd", "ramdisk", 0x50000000, 3 * MIB + 5);
    add_domain(SECOND, 64);
    set_string(SECOND, "latch,paging", "direct");
    add_module("/chosen/group/direct/kernel", "kernel", 0x54000000, 4096);
}

static enum hv_err parse(struct errors *errors)
{
    memset(errors, 0, sizeof(*errors));
    return config_parse(tree, &parsed, collect, errors);
}

static void expect_fine(void)
{
    struct errors errors;
    enum hv_err err = parse(&errors);

    if (errors.count != 0)
        fail_msg("%s: %s", errors.path[0], errors.reason[0]);
    assert_int_equal(err, HV_OK);
}

/* Exactly one message, at `path`, that contains `reason`. */
static void expect_refusal(const char *path, const char *reason)
{
    struct errors errors;

    assert_int_equal(parse(&errors), HV_EINVAL);
    for (unsigned int i = 0; i < errors.count && i < MAX_ERRORS; i++) {
        if (errors.count != 1)
            print_message("%s: %s\n", errors.path[i], errors.reason[i]);
    }
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.path[0], path);
    if (strstr(errors.reason[0], reason) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", errors.reason[0], reason);
}

/* The domain that good_tree() has at LINUX. */
static const struct domain_config *the_linux(void)
{
    for (unsigned int i = 0; i < parsed.nr_domains; i++) {
        if (strcmp(parsed.domain[i].name, "linux") == 0)
            return &parsed.domain[i];
    }
    fail_msg("no domain of that name");
    return NULL;
}

/* ---- What is accepted ---- */

static void good_tree_is_understood(void **state)
{
    const struct domain_config *d = &parsed.domain[0];

    (void)state;
    good_tree();
    expect_fine();
    assert_int_equal(parsed.nr_domains, 2);
    if (strcmp(d->name, "linux") != 0)
        d = &parsed.domain[1];
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
    const struct domain_config *d = &parsed.domain[0];

    (void)state;
    good_tree();
    drop_node(LINUX);
    drop(SECOND, "cpus");
    expect_fine();
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
    const struct domain_config *d = &parsed.domain[0];

    (void)state;
    good_tree();
    drop_node("/chosen/group");
    set_u64(LINUX, "latch,load-address", 0x40200000);
    set_string(LINUX, "latch,on-reset", "stop");
    set_string(LINUX, "latch,ptwr-policy", "open");
    set_u32(LINUX, "latch,slots", 16);
    set_string(LINUX, "latch,guard-action", "refuse");
    set_string(LINUX, "latch,guard", "audit");
    set_string(LINUX, "latch,text-policy", "deny");
    set_string(LINUX, "latch,user-writers", "on");
    set(LINUX, "latch,control", NULL, 0);
    add_module("/chosen/linux/dtb", "device-tree", 0x58000000, 4096);
    expect_fine();
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
    set_string(LINUX, "latch,ptwr-policy", "emulate");
    expect_fine();
    assert_int_equal(d->ptwr_policy, PTWR_POLICY_EMULATE);
}

static void one_cell_regs_are_read(void **state)
{
    (void)state;
    good_tree();
    drop_node("/chosen/group");
    drop_node("/chosen/linux/initrd");
    set_u32(LINUX, "#address-cells", 1);
    set_u32(LINUX, "#size-cells", 1);
    set_u32(KERNEL, "reg", 0x48000000);
    assert_int_equal(fdt_appendprop_u32(tree, node_at(KERNEL), "reg", 0x1234), 0);
    expect_fine();
    assert_int_equal(parsed.domain[0].kernel.base, 0x48000000);
    assert_int_equal(parsed.domain[0].kernel.size, 0x1234);
}

static void unit_address_is_no_part_of_the_name(void **state)
{
    (void)state;
    good_tree();
    drop_node("/chosen/group");
    drop_node(LINUX);
    add_domain("/chosen/rtos@1", 2);
    add_module("/chosen/rtos@1/kernel", "kernel", 0x48000000, 1);
    expect_fine();
    assert_string_equal(parsed.domain[0].name, "rtos");
}

static void module_may_cross_memory_nodes_that_touch(void **state)
{
    (void)state;
    good_tree();
    set_reg(KERNEL, 0x5f000000, 32 * MIB);
    expect_fine();
}

static void eight_domains_are_accepted(void **state)
{
    char domain[] = "/chosen/d0";
    char kernel[] = "/chosen/d0/kernel";

    (void)state;
    good_tree();
    drop_node(LINUX);
    drop_node("/chosen/group");
    for (unsigned int i = 0; i < 8; i++) {
        domain[9] = kernel[9] = (char)('0' + i);
        add_domain(domain, 2);
        add_module(kernel, "kernel", 0x48000000 + i * PAGE_SIZE, PAGE_SIZE);
    }
    expect_fine();
    assert_int_equal(parsed.nr_domains, 8);
    add_domain("/chosen/d8", 2);
    add_module("/chosen/d8/kernel", "kernel", 0x49000000, PAGE_SIZE);
    /* libfdt adds nodes in front: the first one made is the last one read. */
    expect_refusal("/chosen/d0", "more than 8 domains");
}

static void set_cells(const char *path, const char *property, const uint32_t *value, size_t count)
{
    fdt32_t cells[8];

    for (size_t i = 0; i < count; i++)
        cells[i] = cpu_to_fdt32(value[i]);
    set(path, property, cells, count * sizeof(cells[0]));
}

static void vcpus_are_numbered_like_cpus(void **state)
{
    (void)state;
    good_tree();
    set_u32(LINUX, "cpus", 4);
    expect_fine();
    assert_int_equal(the_linux()->nr_vcpus, 4);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(the_linux()->cpu[i], i);
}

static void vcpus_are_placed(void **state)
{
    static const uint32_t cpus[] = {3, 0, 2};

    (void)state;
    good_tree();
    set_u32(LINUX, "cpus", 3);
    set_cells(LINUX, "latch,cpus", cpus, 3);
    expect_fine();
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(the_linux()->cpu[i], cpus[i]);
}

static void vcpus_of_a_domain_on_one_cpu(void **state)
{
    static const uint32_t cpus[] = {1, 2, 1};

    (void)state;
    good_tree();
    set_u32(LINUX, "cpus", 3);
    set_cells(LINUX, "latch,cpus", cpus, 3);
    expect_refusal(LINUX, "CPU 1 twice");
}

static void board_whose_cpus_are_not_described(void **state)
{
    (void)state;
    good_tree();
    drop_node("/cpus");
    set_u32(LINUX, "cpus", 8);
    expect_fine();
    set_u32(LINUX, "cpus", 1);
    set_u32(LINUX, "latch,cpus", 8);
    expect_refusal(LINUX, "CPU 8: the board has 8");
}

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
    {"paging_guarded",
     LINUX,
     "latch,paging",
     TEXT,
     "guarded",
     {0},
     NULL,
     "not supported by this build yet"},
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
     "only a plain domain"},
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
        set_string(r->at, r->property, r->text);
        break;
    case U32:
        set_u32(r->at, r->property, (uint32_t)r->number[0]);
        break;
    case U64:
        set_u64(r->at, r->property, r->number[0]);
        break;
    case FLAG:
        set(r->at, r->property, NULL, 0);
        break;
    case REG:
        set_reg(r->at, r->number[0], r->number[1]);
        break;
    case DROP:
        drop(r->at, r->property);
        break;
    case DROP_NODE:
        drop_node(r->at);
        break;
    }
}

static void is_refused(void **state)
{
    const struct refusal *r = *state;

    good_tree();
    apply(r);
    expect_refusal(r->path != NULL ? r->path : r->at, r->reason);
}

/* ---- Refusals that need more ---- */

static void two_of_one_module_kind_are_refused(void **state)
{
    (void)state;
    good_tree();
    add_module("/chosen/group/direct/kernel2", "kernel", 0x60000000, 4096);
    drop_node("/chosen/group/direct/kernel");
    add_module("/chosen/group/direct/kernel", "kernel", 0x54000000, 4096);
    expect_refusal("/chosen/group/direct/kernel2", "another module of this kind");
}

static void same_names_are_refused(void **state)
{
    struct errors errors;

    (void)state;
    good_tree();
    add_domain("/chosen/group/linux@1", 2);
    add_module("/chosen/group/linux@1/kernel", "kernel", 0x60000000, 4096);
    assert_int_equal(parse(&errors), HV_EINVAL);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.reason[0], "another domain has this name");
}

static void long_and_strange_names_are_refused(void **state)
{
    (void)state;
    good_tree();
    add_domain("/chosen/a2345678901234567890123456789012", 2);
    add_module("/chosen/a2345678901234567890123456789012/kernel", "kernel", 0x60000000, 1);
    expect_refusal("/chosen/a2345678901234567890123456789012", "1 to 31");
    good_tree();
    add_domain("/chosen/a\033[2J", 2);
    add_module("/chosen/a\033[2J/kernel", "kernel", 0x60000000, 1);
    expect_refusal("/chosen/a\033[2J", "character");
}

static void domain_in_a_domain_is_refused(void **state)
{
    (void)state;
    good_tree();
    add_domain(LINUX "/inner", 2);
    expect_refusal(LINUX "/inner", "neither");
}

static void domain_elsewhere_is_none(void **state)
{
    (void)state;
    good_tree();
    add_domain("/domain", 2);
    expect_fine();
    assert_int_equal(parsed.nr_domains, 2);
}

static void tree_without_domains_is_refused(void **state)
{
    (void)state;
    good_tree();
    drop_node(LINUX);
    drop_node("/chosen/group");
    expect_refusal("/chosen", "no domain");
    drop_node("/chosen");
    expect_refusal("/", "no /chosen");
}

static void tree_without_memory_is_refused(void **state)
{
    (void)state;
    good_tree();
    drop_node("/memory@40000000");
    set_string("/memory@60000000", "status", "disabled");
    expect_refusal("/", "no memory");
}

static void gap_in_memory_is_no_place_for_a_module(void **state)
{
    (void)state;
    good_tree();
    set_reg("/memory@60000000", 0x60001000, 512 * MIB);
    set_reg(KERNEL, 0x5f000000, 32 * MIB);
    expect_refusal(KERNEL, "the board's memory");
}

static void memory_reservation_is_kept_clear(void **state)
{
    (void)state;
    good_tree();
    assert_int_equal(fdt_add_mem_rsv(tree, 0x48001000, 4096), 0);
    expect_refusal(KERNEL, "overlaps the memory reservation [0x48001000, 0x48002000)");
}

static void cells_that_no_address_has_are_refused(void **state)
{
    struct errors errors;

    (void)state;
    good_tree();
    set_u32(LINUX, "#address-cells", 3);
    assert_int_equal(parse(&errors), HV_EINVAL);
    assert_string_equal(errors.path[0], LINUX);
    assert_non_null(strstr(errors.reason[0], "must be 1 or 2"));
}

/* In place, a guest owns the rest of a module's last block: nothing else may lie there. */
static void block_of_a_module_in_place_is_its_own(void **state)
{
    (void)state;
    good_tree();
    set_reg(KERNEL, 0x48000000, 4096);
    set_reg("/chosen/group/direct/kernel", 0x48100000, 4096);
    expect_fine();
    set_string(LINUX, "latch,on-reset", "stop");
    expect_refusal(KERNEL, "overlaps /chosen/group/direct/kernel");
}

static void bootargs_fill_their_room(void **state)
{
    char bootargs[CONFIG_BOOTARGS_SIZE + 1];

    (void)state;
    good_tree();
    drop_node("/chosen/group");
    memset(bootargs, 'x', sizeof(bootargs));
    bootargs[CONFIG_BOOTARGS_SIZE - 1] = '\0';
    set_string(KERNEL, "bootargs", bootargs);
    expect_fine();
    assert_string_equal(parsed.domain[0].kernel.bootargs, bootargs);
    bootargs[CONFIG_BOOTARGS_SIZE - 1] = 'x';
    bootargs[CONFIG_BOOTARGS_SIZE] = '\0';
    set_string(KERNEL, "bootargs", bootargs);
    expect_refusal(KERNEL, "longer than 1023");
}

static void all_mistakes_are_reported(void **state)
{
    struct errors errors;

    (void)state;
    good_tree();
    set_u64(LINUX, "memory", 0);
    set_u32(LINUX, "cpus", 0);
    set_string(SECOND, "latch,guard", "maybe");
    set_reg(KERNEL, 0x10000000, 4096);
    assert_int_equal(parse(&errors), HV_EINVAL);
    assert_int_equal(errors.count, 4);
}

static void what_is_no_tree_is_refused(void **state)
{
    struct errors errors;

    (void)state;
    memset(tree, 0, sizeof(tree));
    assert_int_equal(parse(&errors), HV_EINVAL);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.reason[0], "not a device tree");
}

/* Any byte of the structure may be damaged: an answer, whatever it is, and no access outside. */
static void damaged_trees_do_no_harm(void **state)
{
    static char good[TREE_SIZE];
    struct errors errors;

    (void)state;
    good_tree();
    assert_int_equal(fdt_pack(tree), 0);
    memcpy(good, tree, sizeof(good));
    for (size_t i = 0; i < fdt_totalsize(good); i++) {
        memcpy(tree, good, sizeof(tree));
        tree[i] = (char)(tree[i] ^ (1 << (i % 8)));
        if (fdt_check_full(tree, sizeof(tree)) == 0)
            assert_true(parse(&errors) == HV_OK || errors.count != 0);
    }
}

static const struct CMUnitTest others[] = {
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
    cmocka_unit_test(two_of_one_module_kind_are_refused),
    cmocka_unit_test(same_names_are_refused),
    cmocka_unit_test(long_and_strange_names_are_refused),
    cmocka_unit_test(domain_in_a_domain_is_refused),
    cmocka_unit_test(domain_elsewhere_is_none),
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
