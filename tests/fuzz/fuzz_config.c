/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/config.c on trees of any content: a small system that is fine, and changes to it that the
 * input asks for. Each change is a node, a property, how many bytes, and these bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct system parsed;
static uint64_t tree[2048];

static const char *const nodes[] = {
    "/",
    "/chosen",
    "/chosen/one",
    "/chosen/one/kernel",
    "/chosen/two",
    "/chosen/two/kernel",
    "/chosen/two/ramdisk",
    "/chosen/two/dtb",
    "/chosen/one/share",
    "/chosen/two/share",
};

/* What the parser looks for, and one that it does not. */
static const char *const properties[] = {
    "#address-cells",
    "#size-cells",
    "compatible",
    "reg",
    "memory",
    "cpus",
    "vpl011",
    "bootargs",
    "status",
    "nr_spis",
    "direct-map",
    "latch,paging",
    "latch,guard",
    "latch,guard-action",
    "latch,text-policy",
    "latch,ptwr-policy",
    "latch,user-writers",
    "latch,slots",
    "latch,on-reset",
    "latch,control",
    "latch,load-address",
    "xen,shm-id",
    "role",
    "latch,access",
    "size",
    "latch,nonsense",
    "xen,nonsense",
};

static const char *const strings[] = {
    "xen,domain",
    "multiboot,kernel",
    "multiboot,module",
    "multiboot,ramdisk",
    "multiboot,device-tree",
    "plain",
    "direct",
    "guarded",
    "enforce",
    "audit",
    "crash",
    "refuse",
    "predict",
    "emulate",
    "open",
    "restart",
    "stop",
    "allow",
    "deny",
    "on",
    "off",
    "xen,domain-shared-memory-v1",
    "owner",
    "borrower",
    "ro",
    "rw",
    "okay",
    "disabled",
};

/* The node of that path, made if it is missing; negative: no room. */
static int node_of(const char *path)
{
    int node = 0;

    while (node >= 0 && path[0] == '/' && path[1] != '\0') {
        int length = (int)strcspn(path + 1, "/");
        int next = fdt_subnode_offset_namelen(tree, node, path + 1, length);

        node = next >= 0 ? next : fdt_add_subnode_namelen(tree, node, path + 1, length);
        path += length + 1;
    }
    return node;
}

static void set(const char *path, const char *name, const void *value, size_t size)
{
    int node = node_of(path);

    /* No room is left after many changes: the tree stays as it is. */
    if (node >= 0)
        (void)fdt_setprop(tree, node, name, value, (int)size);
}

static void set_cells(const char *path, const char *name, uint32_t first, uint32_t second)
{
    const uint32_t cells[] = {cpu_to_fdt32(first), cpu_to_fdt32(second)};

    set(path, name, cells, sizeof(cells));
}

static void add_share(const char *domain, const char *share, const char *role)
{
    set(domain, "latch,paging", "direct", sizeof("direct"));
    set(share, "compatible", "xen,domain-shared-memory-v1", sizeof("xen,domain-shared-memory-v1"));
    set(share, "xen,shm-id", "on", sizeof("on"));
    set(share, "role", role, strlen(role) + 1);
    set(share, "latch,access", "ro", sizeof("ro"));
    set_cells(share, "size", 0, 64);
}

static void make_tree(bool shared)
{
    static const char kernel[] = "multiboot,kernel\0multiboot,module";
    const uint32_t one = cpu_to_fdt32(1);

    if (fdt_create_empty_tree(tree, sizeof(tree)) != 0)
        abort();
    for (unsigned int i = 0; i < 2; i++) {
        const char *domain = i == 0 ? "/chosen/one" : "/chosen/two";
        const char *image = i == 0 ? "/chosen/one/kernel" : "/chosen/two/kernel";

        set(domain, "compatible", "xen,domain", sizeof("xen,domain"));
        set_cells(domain, "memory", 0, 0x8000);
        set(domain, "cpus", &one, sizeof(one));
        set(domain, "#address-cells", &one, sizeof(one));
        set(domain, "#size-cells", &one, sizeof(one));
        set(image, "compatible", kernel, sizeof(kernel));
        set_cells(image, "reg", 0x48000000 + (i << 20), 0x10000);
    }
    if (shared) {
        add_share("/chosen/one", "/chosen/one/share", "owner");
        add_share("/chosen/two", "/chosen/two/share", "borrower");
    }
}

static void ignore(void *ctx, const char *path, const char *reason)
{
    /* Both are strings that somebody prints. */
    *(size_t *)ctx += strlen(path) + strlen(reason);
}

static void check_share(const struct system *s, const struct share_config *share)
{
    unsigned int all = 0;
    unsigned int owners = 0;

    if (memchr(share->id, '\0', sizeof(share->id)) == NULL || share->size == 0 ||
        share->size % PAGE_SIZE != 0)
        abort();
    for (unsigned int i = 0; i < s->nr_domains; i++) {
        for (unsigned int j = 0; j < s->domain[i].nr_shares; j++) {
            const struct share_config *other = &s->domain[i].share[j];

            if (strcmp(other->id, share->id) != 0)
                continue;
            all++;
            owners += other->owner;
            if (other->size != share->size)
                abort();
        }
    }
    if (all < 2 || owners != 1)
        abort();
}

/* What every accepted configuration promises. */
static void check(const struct system *s)
{
    if (s->nr_domains > CONFIG_MAX_DOMAINS)
        abort();
    for (unsigned int i = 0; i < s->nr_domains; i++) {
        const struct domain_config *d = &s->domain[i];

        if (d->nr_vcpus == 0 || d->nr_vcpus > CONFIG_MAX_VCPUS || d->memory == 0 ||
            d->memory % (UINT64_C(2) << 20) != 0 || d->slots == 0 || d->slots > PTWR_MAX_SLOTS ||
            memchr(d->name, '\0', sizeof(d->name)) == NULL || d->nr_shares > CONFIG_MAX_SHARES ||
            (d->nr_shares != 0 && d->paging != DOMAIN_DIRECT))
            abort();
        for (unsigned int j = 0; j < d->nr_shares; j++)
            check_share(s, &d->share[j]);
    }
}

/* One change; returns how much of the input it was. */
static size_t change(const uint8_t *data, size_t size)
{
    const char *path = nodes[data[0] % ARRAY_SIZE(nodes)];
    const char *name = properties[data[1] % ARRAY_SIZE(properties)];
    size_t length = data[2] % 40;

    if (data[2] >= 128) {
        const char *value = strings[data[2] % ARRAY_SIZE(strings)];

        set(path, name, value, strlen(value) + 1);
        return 3;
    }
    if (data[2] >= 120) {
        int node = fdt_path_offset(tree, path);

        if (node > 0)
            (void)fdt_delprop(tree, node, name);
        return 3;
    }
    length = length < size - 3 ? length : size - 3;
    set(path, name, data + 3, length);
    return 3 + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t said = 0;

    make_tree(size != 0 && data[0] >= 128);
    while (size >= 3) {
        size_t used = change(data, size);

        data += used;
        size -= used;
    }
    if (config_parse(tree, &parsed, ignore, &said) == HV_OK)
        check(&parsed);
    else if (said == 0)
        abort(); /* refused without a word */
    return 0;
}
