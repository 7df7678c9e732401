/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device tree -> struct system. Builds for EL2 and for the host's checker; it allocates nothing,
 * prints nothing, and believes nothing in the tree. Input that is not understood is refused, never
 * rounded or skipped: a property that was misspelt must not become a default.
 */
#include "core/config.h"

#include <assert.h>
#include <libfdt.h>
#include <string.h>

#include "core/config_module.h"
#include "core/config_parser.h"
#include "core/config_share.h"

static const char *const domain_properties[] = {
    "compatible",
    "#address-cells",
    "#size-cells",
    "phandle",
    "memory",
    "cpus",
    "latch,cpus",
    "vpl011",
    "latch,paging",
    "latch,load-address",
    "latch,on-reset",
    "latch,ptwr-policy",
    "latch,slots",
    "latch,guard-action",
    "latch,guard",
    "latch,text-policy",
    "latch,user-writers",
    "latch,control",
    NULL,
};

/* The node's name without its unit address names the domain on the console. */
static void parse_name(struct parser *p, int node, struct domain_config *d)
{
    int length;
    const char *name = fdt_get_name(p->fdt, node, &length);
    size_t size = 0;

    if (name == NULL) {
        config_refuse(p, node, NULL, "has no name");
        return;
    }
    for (; name[size] != '\0' && name[size] != '@'; size++) {
        if (name[size] <= ' ' || name[size] > '~' || name[size] == '[' || name[size] == ']') {
            config_refuse(p, node, NULL, "the name has a character that names cannot have");
            return;
        }
    }
    if (size == 0 || size >= sizeof(d->name)) {
        config_refuse(p, node, NULL, "the name must have 1 to 31 characters");
        return;
    }
    memcpy(d->name, name, size);
    for (unsigned int i = 0; i < p->out->nr_domains; i++) {
        if (strcmp(d->name, p->out->domain[i].name) == 0)
            config_refuse(p, node, NULL, "another domain has this name");
    }
}

static void parse_size(struct parser *p, int node, struct domain_config *d)
{
    struct config_text t = {.length = 0};
    uint64_t kib;

    if (!config_number(p, node, "memory", 2, &kib))
        return;
    if (kib == 0) {
        config_refuse(p, node, "memory", "zero");
    } else if (kib % (REGION_SIZE >> 10) != 0) {
        config_refuse(p, node, "memory", "not a multiple of 2 MiB (the unit is KiB)");
    } else if (p->nr_ram != 0 && kib > p->ram_bytes >> 10) {
        config_add_number(&t, kib, 10);
        config_add(&t, " KiB, the board has ");
        config_add_number(&t, p->ram_bytes >> 10, 10);
        config_add(&t, " KiB");
        config_refuse(p, node, "memory", t.s);
    } else {
        d->memory = kib << 10;
    }
}

/* vCPU 0 on CPU 0 and so on, as far as the board goes. */
static void place_by_default(struct parser *p, int node, struct domain_config *d)
{
    struct config_text t = {.length = 0};

    for (unsigned int i = 0; i < d->nr_vcpus; i++)
        d->cpu[i] = (uint8_t)i;
    if (p->nr_cpus == 0 || d->nr_vcpus <= p->nr_cpus)
        return;
    config_add_number(&t, d->nr_vcpus, 10);
    config_add(&t, ", but the board has ");
    config_add_number(&t, p->nr_cpus, 10);
    config_add(&t, " CPUs, and each vCPU of a domain needs one of its own");
    config_refuse(p, node, "cpus", t.s);
}

static bool is_placed(const struct domain_config *d, unsigned int before, uint32_t cpu)
{
    for (unsigned int i = 0; i < before; i++) {
        if (d->cpu[i] == cpu)
            return true;
    }
    return false;
}

/* One cell for each vCPU: the physical CPU that runs it. */
static void parse_placement(struct parser *p, int node, struct domain_config *d)
{
    struct config_text t = {.length = 0};
    int length;
    const fdt32_t *list = fdt_getprop(p->fdt, node, "latch,cpus", &length);

    if (length != (int)(d->nr_vcpus * sizeof(*list))) {
        config_add(&t, "must be one cell for each of the ");
        config_add_number(&t, d->nr_vcpus, 10);
        config_add(&t, " vCPUs");
        config_refuse(p, node, "latch,cpus", t.s);
        return;
    }
    for (unsigned int i = 0; i < d->nr_vcpus; i++) {
        uint32_t cpu = fdt32_ld(&list[i]);
        uint32_t end = p->nr_cpus != 0 ? p->nr_cpus : CONFIG_MAX_CPUS;

        config_add(&t, "CPU ");
        config_add_number(&t, cpu, 10);
        if (cpu >= end) {
            config_add(&t, ": the board has ");
            config_add_number(&t, end, 10);
            config_refuse(p, node, "latch,cpus", t.s);
            return;
        }
        if (is_placed(d, i, cpu)) {
            config_add(&t, " twice: two vCPUs of a domain cannot share one");
            config_refuse(p, node, "latch,cpus", t.s);
            return;
        }
        d->cpu[i] = (uint8_t)cpu;
        t.length = 0;
    }
}

static void parse_cpus(struct parser *p, int node, struct domain_config *d)
{
    uint64_t cpus = 1;

    if (config_has(p, node, "cpus") && !config_number(p, node, "cpus", 1, &cpus))
        return;
    if (cpus == 0 || cpus > CONFIG_MAX_VCPUS) {
        config_refuse(p, node, "cpus", "must be 1 to 8");
        return;
    }
    d->nr_vcpus = (unsigned int)cpus;
    if (config_has(p, node, "latch,cpus"))
        parse_placement(p, node, d);
    else
        place_by_default(p, node, d);
}

static const char *const kind_names[] = {"plain", "direct", "guarded"};
static const char *const reset_names[] = {"restart", "stop"};
static const char *const policy_names[] = {"predict", "emulate", "open"};
static const char *const action_names[] = {"crash", "refuse"};
static const char *const guard_names[] = {"enforce", "audit"};
static const char *const text_names[] = {"allow", "audit", "deny"};
static const char *const switch_names[] = {"off", "on"};

static_assert(DOMAIN_PLAIN == 0 && DOMAIN_DIRECT == 1 && DOMAIN_GUARDED == 2, "kind_names");
static_assert(PTWR_POLICY_PREDICT == 0 && PTWR_POLICY_EMULATE == 1 && PTWR_POLICY_OPEN == 2,
              "policy_names");
static_assert(PTWR_ACTION_CRASH == 0 && PTWR_ACTION_REFUSE == 1, "action_names");

const char *domain_kind_name(enum domain_kind kind) { return kind_names[kind]; }

#define CHOICE(p, node, property, names, fallback)                                                 \
    config_choice((p), (node), (property), (names), ARRAY_SIZE(names), (fallback))

static void parse_paging(struct parser *p, int node, struct domain_config *d)
{
    uint64_t slots = 2;

    d->paging = CHOICE(p, node, "latch,paging", kind_names, DOMAIN_PLAIN);
    if (d->paging == DOMAIN_DIRECT && d->vpl011)
        config_refuse(p, node, "vpl011", "a direct domain has no PL011, but console hypercalls");
    d->ptwr_policy = CHOICE(p, node, "latch,ptwr-policy", policy_names, PTWR_POLICY_PREDICT);
    d->guard_action = CHOICE(p, node, "latch,guard-action", action_names,
                             d->paging == DOMAIN_GUARDED ? PTWR_ACTION_REFUSE : PTWR_ACTION_CRASH);
    d->guard = CHOICE(p, node, "latch,guard", guard_names, GUARD_ENFORCE);
    d->text_policy = CHOICE(p, node, "latch,text-policy", text_names, TEXT_ALLOW);
    d->user_writers = CHOICE(p, node, "latch,user-writers", switch_names, 0) != 0;
    d->control = config_flag(p, node, "latch,control");
    if (config_has(p, node, "latch,slots") && !config_number(p, node, "latch,slots", 1, &slots))
        return;
    if (slots < 1 || slots > PTWR_MAX_SLOTS) {
        config_refuse(p, node, "latch,slots", "must be 1 to 16");
    } else {
        d->slots = (unsigned int)slots;
    }
}
static_assert(PTWR_MAX_SLOTS == 16, "the message says so");

static void parse_load_address(struct parser *p, int node, struct domain_config *d)
{
    uint64_t address;

    if (!config_has(p, node, "latch,load-address") ||
        !config_number(p, node, "latch,load-address", 2, &address))
        return;
    if (address == 0 || (address & (PAGE_SIZE - 1)) != 0) {
        config_refuse(p, node, "latch,load-address", "must be a multiple of 4 KiB, not 0");
    } else if (d->paging == DOMAIN_DIRECT) {
        config_refuse(p, node, "latch,load-address", "a direct domain takes no flat binaries");
    } else {
        d->load_address = address;
    }
}

static void parse_domain(struct parser *p, int node, struct domain_config *d)
{
    int child;

    memset(d, 0, sizeof(*d));
    config_check_properties(p, node, domain_properties, NULL);
    parse_name(p, node, d);
    parse_size(p, node, d);
    parse_cpus(p, node, d);
    d->vpl011 = config_flag(p, node, "vpl011");
    d->on_reset_restart = CHOICE(p, node, "latch,on-reset", reset_names, 0) == 0;
    parse_paging(p, node, d);
    parse_load_address(p, node, d);
    fdt_for_each_subnode(child, p->fdt, node)
    {
        if (config_is_share(p->fdt, child))
            config_share_parse(p, child, d);
        else
            config_parse_module(p, node, child, d);
    }
    if (!d->kernel.present)
        config_refuse(p, node, NULL, "no kernel (a node compatible with \"multiboot,kernel\")");
}

/* Where no latch, property means anything, one is a mistake. */
static void check_stray(struct parser *p, int node)
{
    int offset;

    fdt_for_each_property_offset(offset, p->fdt, node)
    {
        const char *name;

        if (fdt_getprop_by_offset(p->fdt, offset, &name, NULL) != NULL &&
            strncmp(name, "latch,", 6) == 0)
            config_refuse(p, node, name, "unknown property");
    }
}

static void parse_domains(struct parser *p, int chosen)
{
    struct system *out = p->out;
    int depth = 0;
    int domain_depth = 0; /* not 0: the walk is below a domain of this depth */

    check_stray(p, chosen);
    for (int node = fdt_next_node(p->fdt, chosen, &depth); node >= 0 && depth > 0;
         node = fdt_next_node(p->fdt, node, &depth)) {
        if (domain_depth != 0 && depth > domain_depth)
            continue; /* parse_domain() took it, or refused it */
        domain_depth = 0;
        if (fdt_node_check_compatible(p->fdt, node, "xen,domain") != 0) {
            check_stray(p, node);
            continue;
        }
        domain_depth = depth;
        if (out->nr_domains == CONFIG_MAX_DOMAINS) {
            config_refuse(p, node, NULL, "more than 8 domains");
            continue;
        }
        parse_domain(p, node, &out->domain[out->nr_domains]);
        out->nr_domains++;
    }
}
static_assert(CONFIG_MAX_DOMAINS == 8 && CONFIG_MAX_VCPUS == 8, "the messages say so");

static void check_total(struct parser *p, int chosen)
{
    struct config_text t = {.length = 0};
    uint64_t total = 0;

    for (unsigned int i = 0; i < p->out->nr_domains; i++) {
        const struct domain_config *d = &p->out->domain[i];

        total += d->memory; /* at most ram_bytes; a size is below 2^48: no overflow */
        for (unsigned int j = 0; j < d->nr_shares; j++)
            total += d->share[j].owner ? d->share[j].size : 0;
    }
    if (p->nr_ram == 0 || total <= p->ram_bytes)
        return;
    config_add(&t, "the domains need ");
    config_add_number(&t, total >> 10, 10);
    config_add(&t, " KiB together, the board has ");
    config_add_number(&t, p->ram_bytes >> 10, 10);
    config_add(&t, " KiB");
    config_refuse_text(p, chosen, &t);
}

enum hv_err config_parse(const void *fdt, struct system *out, config_error_fn report, void *ctx)
{
    struct parser p = {.fdt = fdt, .out = out, .report = report, .ctx = ctx};
    int chosen;

    memset(out, 0, sizeof(*out));
    if (fdt_check_header(fdt) != 0) {
        report(ctx, "/", "not a device tree");
        return HV_EINVAL;
    }
    config_parse_memory(&p);
    config_parse_cpus(&p);
    chosen = fdt_path_offset(fdt, "/chosen");
    if (chosen < 0) {
        config_refuse(&p, 0, NULL, "no /chosen node");
        return HV_EINVAL;
    }
    parse_domains(&p, chosen);
    if (out->nr_domains == 0)
        config_refuse(&p, chosen, NULL, "no domain (a node compatible with \"xen,domain\")");
    config_check_modules(&p);
    check_total(&p, chosen);
    if (!p.failed)
        config_share_check(&p);
    return p.failed ? HV_EINVAL : HV_OK;
}
