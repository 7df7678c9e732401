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

#include "core/config_parser.h"
#include "core/config_share.h"

#define MAX_RAM_RANGES 16
#define MAX_MODULES    (CONFIG_MAX_DOMAINS * 3)
#define ADDRESS_BITS   48 /* what the architecture has without LPA; sums cannot wrap */
#define PATH_SIZE      128
#define REASON_SIZE    192

struct range {
    uint64_t base;
    uint64_t size;
};

/* A module's place, kept until all are known. */
struct placed {
    struct range range; /* what the file's owner may touch: whole blocks if it is used in place */
    int node;
};

struct parser {
    const void *fdt;
    struct system *out;
    config_error_fn report;
    void *ctx;
    bool failed;
    struct range ram[MAX_RAM_RANGES];
    unsigned int nr_ram;
    uint64_t ram_bytes;
    unsigned int nr_cpus; /* 0: not known */
    struct placed module[MAX_MODULES];
    unsigned int nr_modules;
};

/* A sentence under construction. What does not fit is cut off. */
struct text {
    char s[REASON_SIZE];
    size_t length;
};

static void add(struct text *t, const char *s)
{
    while (*s != '\0' && t->length + 1 < sizeof(t->s))
        t->s[t->length++] = *s++;
    t->s[t->length] = '\0';
}

static void add_number(struct text *t, uint64_t value, unsigned int base)
{
    char digits[24];
    size_t i = sizeof(digits) - 1;

    digits[i] = '\0';
    do {
        digits[--i] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (base == 16)
        add(t, "0x");
    add(t, &digits[i]);
}

static void add_range(struct text *t, struct range r)
{
    add(t, "[");
    add_number(t, r.base, 16);
    add(t, ", ");
    add_number(t, r.base + r.size, 16);
    add(t, ")");
}

static void add_path(struct text *t, const struct parser *p, int node)
{
    char path[PATH_SIZE];

    add(t, fdt_get_path(p->fdt, node, path, sizeof(path)) == 0 ? path : "(a node)");
}

static void refuse(struct parser *p, int node, const struct text *reason)
{
    struct text path = {.length = 0};

    add_path(&path, p, node);
    p->failed = true;
    p->report(p->ctx, path.s, reason->s);
}

void config_refuse(struct parser *p, int node, const char *first, const char *second)
{
    struct text t = {.length = 0};

    if (first != NULL) {
        add(&t, first);
        add(&t, ": ");
    }
    add(&t, second);
    refuse(p, node, &t);
}

static uint64_t read_cells(const fdt32_t *cells, int count)
{
    uint64_t value = 0;

    for (int i = 0; i < count; i++)
        value = value << 32 | fdt32_ld(&cells[i]);
    return value;
}

static bool has(const struct parser *p, int node, const char *property)
{
    return fdt_getprop(p->fdt, node, property, NULL) != NULL;
}

const char *config_string(const struct parser *p, int node, const char *property)
{
    int length;
    const char *s = fdt_getprop(p->fdt, node, property, &length);

    if (s == NULL || length <= 0 || memchr(s, '\0', (size_t)length) != &s[length - 1])
        return NULL;
    return s;
}

bool config_number(struct parser *p, int node, const char *property, int cells, uint64_t *out)
{
    int length;
    const fdt32_t *data = fdt_getprop(p->fdt, node, property, &length);

    if (data == NULL || length != cells * (int)sizeof(*data)) {
        config_refuse(p, node, property,
                      cells == 2 ? "must be one number of two cells"
                                 : "must be one number of one cell");
        return false;
    }
    *out = read_cells(data, cells);
    return true;
}

unsigned int config_choice(struct parser *p, int node, const char *property,
                           const char *const *choices, unsigned int count, unsigned int fallback)
{
    const char *value;
    struct text t = {.length = 0};

    if (!has(p, node, property))
        return fallback;
    value = config_string(p, node, property);
    for (unsigned int i = 0; value != NULL && i < count; i++) {
        if (strcmp(value, choices[i]) == 0)
            return i;
    }
    add(&t, property);
    add(&t, ": ");
    if (value != NULL) {
        add(&t, "\"");
        add(&t, value);
        add(&t, "\" is ");
    }
    add(&t, value != NULL ? "not one of" : "must be one string of");
    for (unsigned int i = 0; i < count; i++) {
        add(&t, i == 0 ? " " : ", ");
        add(&t, choices[i]);
    }
    refuse(p, node, &t);
    return fallback;
}

static bool get_flag(struct parser *p, int node, const char *property)
{
    int length;

    if (fdt_getprop(p->fdt, node, property, &length) == NULL)
        return false;
    if (length != 0)
        config_refuse(p, node, property, "is a flag and takes no value");
    return true;
}

/* Names of a constant table that ends with NULL. */
static bool is_listed(const char *name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(name, *list) == 0)
            return true;
    }
    return false;
}

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

static const char *const module_properties[] = {
    "compatible", "reg", "phandle", "latch,file", NULL,
};

/* Xen's, and would change what the guest is: to ignore one would be to promise too much. */
static const char *const missing_properties[] = {
    "direct-map",
    "nr_spis",
    "passthrough",
    "xen,enhanced",
    "xen,passthrough",
    "xen,static-mem",
    "xen,shared-mem",
    "xen,reg",
    "xen,path",
    "sve",
    "llc-colors",
    "domain-cpupool",
    "max_grant_frames",
    "max_grant_version",
    "max_maptrack_frames",
    "xen,domain-p2m-mem-mb",
    "capabilities",
    NULL,
};

void config_check_properties(struct parser *p, int node, const char *const *known, const char *also)
{
    int offset;

    fdt_for_each_property_offset(offset, p->fdt, node)
    {
        const char *name;

        if (fdt_getprop_by_offset(p->fdt, offset, &name, NULL) == NULL) {
            config_refuse(p, node, NULL, "has a damaged property");
            return;
        }
        if (is_listed(name, known) || (also != NULL && strcmp(name, also) == 0))
            continue;
        config_refuse(p, node, name,
                      is_listed(name, missing_properties) ? "not supported by this build yet"
                                                          : "unknown property");
    }
}

/* The cells of a node's children; false, with a message, if addresses do not fit 64 bits. */
static bool get_cells(struct parser *p, int node, int *na, int *ns)
{
    *na = fdt_address_cells(p->fdt, node);
    *ns = fdt_size_cells(p->fdt, node);
    if (*na >= 1 && *na <= 2 && *ns >= 1 && *ns <= 2)
        return true;
    config_refuse(p, node, NULL, "#address-cells and #size-cells must be 1 or 2");
    return false;
}

static bool wraps(struct range r) { return r.base + r.size < r.base; }

static bool overlap(struct range a, struct range b)
{
    if (a.size == 0 || b.size == 0)
        return false;
    return a.base >= b.base ? a.base - b.base < b.size : b.base - a.base < a.size;
}

/* ---- The board ---- */

static void parse_memory(struct parser *p)
{
    int node, na, ns, length;

    if (!get_cells(p, 0, &na, &ns))
        return;
    fdt_for_each_subnode(node, p->fdt, 0)
    {
        const char *type = config_string(p, node, "device_type");
        const char *status;
        const fdt32_t *reg;

        if (type == NULL || strcmp(type, "memory") != 0)
            continue;
        status = config_string(p, node, "status");
        reg = fdt_getprop(p->fdt, node, "reg", &length);
        if (reg == NULL)
            continue;
        if (status != NULL && strcmp(status, "okay") != 0 && strcmp(status, "ok") != 0)
            continue;
        for (int i = 0; i + na + ns <= length / (int)sizeof(*reg); i += na + ns) {
            struct range r = {read_cells(&reg[i], na), read_cells(&reg[i + na], ns)};

            if (r.size == 0)
                continue;
            if (wraps(r) || p->nr_ram == MAX_RAM_RANGES) {
                config_refuse(p, node, "reg", wraps(r) ? "wraps around" : "too many ranges");
                return;
            }
            p->ram[p->nr_ram++] = r;
            p->ram_bytes += r.size;
        }
    }
    if (p->nr_ram == 0)
        config_refuse(p, 0, NULL, "describes no memory");
}

/* Counted as Latch starts them: those with a reg, as far as it has room for them. */
static void parse_board_cpus(struct parser *p)
{
    int parent = fdt_path_offset(p->fdt, "/cpus");
    int node;

    if (parent < 0)
        return;
    fdt_for_each_subnode(node, p->fdt, parent)
    {
        if (has(p, node, "reg") && p->nr_cpus < CONFIG_MAX_CPUS)
            p->nr_cpus++;
    }
}

/* Ranges that touch count as one: firmware may split a bank. */
static bool is_ram(const struct parser *p, struct range r)
{
    uint64_t done = r.base;

    for (unsigned int i = 0; i < p->nr_ram;) {
        uint64_t end = p->ram[i].base + p->ram[i].size;

        if (done < p->ram[i].base || done >= end) {
            i++;
            continue;
        }
        if (end >= r.base + r.size)
            return true;
        done = end;
        i = 0; /* terminates: `done` grew */
    }
    return false;
}

/* ---- Modules ---- */

/* A file that the guest runs in place is given to it by whole 2 MiB blocks. */
static struct range owned_range(const struct domain_config *d, const struct module_config *m)
{
    struct range r = {m->base, m->size};

    if (d->paging == DOMAIN_PLAIN && !d->on_reset_restart && (m->base & (REGION_SIZE - 1)) == 0)
        r.size = (r.size + REGION_SIZE - 1) & ~(REGION_SIZE - 1);
    return r;
}

static bool parse_reg(struct parser *p, int domain, int node, struct module_config *module)
{
    int na, ns, length;
    const fdt32_t *reg = fdt_getprop(p->fdt, node, "reg", &length);

    if (!get_cells(p, domain, &na, &ns))
        return false;
    if (reg == NULL || length != (na + ns) * (int)sizeof(*reg)) {
        config_refuse(p, node, "reg",
                      "must be one address and one size, in the cells that the "
                      "domain's #address-cells and #size-cells say");
        return false;
    }
    module->base = read_cells(reg, na);
    module->size = read_cells(&reg[na], ns);
    if (module->size == 0) {
        config_refuse(p, node, "reg", "the file is empty");
    } else if (module->base >> ADDRESS_BITS != 0 || module->size >> ADDRESS_BITS != 0) {
        config_refuse(p, node, "reg", "beyond 48 bits");
    } else if ((module->base & (PAGE_SIZE - 1)) != 0) {
        config_refuse(p, node, "reg", "the address is not a multiple of 4 KiB");
    } else {
        return true;
    }
    return false;
}

static void parse_bootargs(struct parser *p, int node, struct module_config *module)
{
    const char *bootargs = config_string(p, node, "bootargs");

    if (!has(p, node, "bootargs"))
        return;
    if (bootargs == NULL) {
        config_refuse(p, node, "bootargs", "must be one string");
    } else if (strlen(bootargs) >= sizeof(module->bootargs)) {
        config_refuse(p, node, "bootargs", "longer than 1023 characters");
    } else {
        memcpy(module->bootargs, bootargs, strlen(bootargs) + 1);
    }
}

static struct module_config *module_of(const struct parser *p, int node, struct domain_config *d)
{
    if (fdt_node_check_compatible(p->fdt, node, "multiboot,kernel") == 0)
        return &d->kernel;
    if (fdt_node_check_compatible(p->fdt, node, "multiboot,ramdisk") == 0)
        return &d->ramdisk;
    if (fdt_node_check_compatible(p->fdt, node, "multiboot,device-tree") == 0)
        return &d->dtb;
    return NULL;
}

static void parse_module(struct parser *p, int domain, int node, struct domain_config *d)
{
    struct module_config *module = module_of(p, node, d);
    int child;

    if (module == NULL) {
        config_refuse(p, node, NULL,
                      "neither multiboot,kernel nor multiboot,ramdisk nor "
                      "multiboot,device-tree");
        return;
    }
    config_check_properties(p, node, module_properties, module == &d->kernel ? "bootargs" : NULL);
    fdt_for_each_subnode(child, p->fdt, node)
        config_refuse(p, child, NULL, "a module has no nodes below it");
    if (module->present) {
        config_refuse(p, node, NULL, "the domain has another module of this kind");
        return;
    }
    module->present = true;
    if (module == &d->kernel)
        parse_bootargs(p, node, module);
    if (!parse_reg(p, domain, node, module))
        return;
    if (module->size > d->memory && d->memory != 0)
        config_refuse(p, node, NULL, "larger than the domain's memory");
    p->module[p->nr_modules++] = (struct placed){owned_range(d, module), node};
}

static void refuse_overlap(struct parser *p, const struct placed *m, const char *what, int other,
                           struct range r)
{
    struct text t = {.length = 0};

    add_range(&t, m->range);
    add(&t, what);
    if (other >= 0)
        add_path(&t, p, other);
    if (r.size != 0) {
        add(&t, " ");
        add_range(&t, r);
    }
    refuse(p, m->node, &t);
}

static void check_against_reserved(struct parser *p, const struct placed *m)
{
    int parent = fdt_path_offset(p->fdt, "/reserved-memory");
    int node, na, ns, length;

    for (int i = 0; i < fdt_num_mem_rsv(p->fdt); i++) {
        struct range r;

        if (fdt_get_mem_rsv(p->fdt, i, &r.base, &r.size) == 0 && overlap(m->range, r))
            refuse_overlap(p, m, " overlaps the memory reservation", -1, r);
    }
    if (parent < 0 || !get_cells(p, parent, &na, &ns))
        return;
    fdt_for_each_subnode(node, p->fdt, parent)
    {
        const fdt32_t *reg = fdt_getprop(p->fdt, node, "reg", &length);

        for (int i = 0; reg != NULL && i + na + ns <= length / (int)sizeof(*reg); i += na + ns) {
            struct range r = {read_cells(&reg[i], na), read_cells(&reg[i + na], ns)};

            if (overlap(m->range, r))
                refuse_overlap(p, m, " overlaps ", node, r);
        }
    }
}

static void check_modules(struct parser *p)
{
    for (unsigned int i = 0; i < p->nr_modules; i++) {
        const struct placed *m = &p->module[i];

        if (p->nr_ram != 0 && !is_ram(p, m->range))
            refuse_overlap(p, m, " does not lie in the board's memory", -1, (struct range){0, 0});
        check_against_reserved(p, m);
        for (unsigned int j = 0; j < i; j++) {
            if (overlap(m->range, p->module[j].range))
                refuse_overlap(p, m, " overlaps ", p->module[j].node, p->module[j].range);
        }
    }
}

/* ---- Domains ---- */

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
    struct text t = {.length = 0};
    uint64_t kib;

    if (!config_number(p, node, "memory", 2, &kib))
        return;
    if (kib == 0) {
        config_refuse(p, node, "memory", "zero");
    } else if (kib % (REGION_SIZE >> 10) != 0) {
        config_refuse(p, node, "memory", "not a multiple of 2 MiB (the unit is KiB)");
    } else if (p->nr_ram != 0 && kib > p->ram_bytes >> 10) {
        add_number(&t, kib, 10);
        add(&t, " KiB, the board has ");
        add_number(&t, p->ram_bytes >> 10, 10);
        add(&t, " KiB");
        config_refuse(p, node, "memory", t.s);
    } else {
        d->memory = kib << 10;
    }
}

/* vCPU 0 on CPU 0 and so on, as far as the board goes. */
static void place_by_default(struct parser *p, int node, struct domain_config *d)
{
    struct text t = {.length = 0};

    for (unsigned int i = 0; i < d->nr_vcpus; i++)
        d->cpu[i] = (uint8_t)i;
    if (p->nr_cpus == 0 || d->nr_vcpus <= p->nr_cpus)
        return;
    add_number(&t, d->nr_vcpus, 10);
    add(&t, ", but the board has ");
    add_number(&t, p->nr_cpus, 10);
    add(&t, " CPUs, and each vCPU of a domain needs one of its own");
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
    struct text t = {.length = 0};
    int length;
    const fdt32_t *list = fdt_getprop(p->fdt, node, "latch,cpus", &length);

    if (length != (int)(d->nr_vcpus * sizeof(*list))) {
        add(&t, "must be one cell for each of the ");
        add_number(&t, d->nr_vcpus, 10);
        add(&t, " vCPUs");
        config_refuse(p, node, "latch,cpus", t.s);
        return;
    }
    for (unsigned int i = 0; i < d->nr_vcpus; i++) {
        uint32_t cpu = fdt32_ld(&list[i]);
        uint32_t end = p->nr_cpus != 0 ? p->nr_cpus : CONFIG_MAX_CPUS;

        add(&t, "CPU ");
        add_number(&t, cpu, 10);
        if (cpu >= end) {
            add(&t, ": the board has ");
            add_number(&t, end, 10);
            config_refuse(p, node, "latch,cpus", t.s);
            return;
        }
        if (is_placed(d, i, cpu)) {
            add(&t, " twice: two vCPUs of a domain cannot share one");
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

    if (has(p, node, "cpus") && !config_number(p, node, "cpus", 1, &cpus))
        return;
    if (cpus == 0 || cpus > CONFIG_MAX_VCPUS) {
        config_refuse(p, node, "cpus", "must be 1 to 8");
        return;
    }
    d->nr_vcpus = (unsigned int)cpus;
    if (has(p, node, "latch,cpus"))
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
    if (d->paging == DOMAIN_GUARDED)
        config_refuse(p, node, "latch,paging", "guarded: not supported by this build yet");
    if (d->paging == DOMAIN_DIRECT && d->vpl011)
        config_refuse(p, node, "vpl011", "a direct domain has no PL011, but console hypercalls");
    d->ptwr_policy = CHOICE(p, node, "latch,ptwr-policy", policy_names, PTWR_POLICY_PREDICT);
    d->guard_action = CHOICE(p, node, "latch,guard-action", action_names,
                             d->paging == DOMAIN_GUARDED ? PTWR_ACTION_REFUSE : PTWR_ACTION_CRASH);
    d->guard = CHOICE(p, node, "latch,guard", guard_names, GUARD_ENFORCE);
    d->text_policy = CHOICE(p, node, "latch,text-policy", text_names, TEXT_ALLOW);
    d->user_writers = CHOICE(p, node, "latch,user-writers", switch_names, 0) != 0;
    d->control = get_flag(p, node, "latch,control");
    if (has(p, node, "latch,slots") && !config_number(p, node, "latch,slots", 1, &slots))
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

    if (!has(p, node, "latch,load-address") ||
        !config_number(p, node, "latch,load-address", 2, &address))
        return;
    if (address == 0 || (address & (PAGE_SIZE - 1)) != 0) {
        config_refuse(p, node, "latch,load-address", "must be a multiple of 4 KiB, not 0");
    } else if (d->paging != DOMAIN_PLAIN) {
        config_refuse(p, node, "latch,load-address", "only a plain domain takes flat binaries");
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
    d->vpl011 = get_flag(p, node, "vpl011");
    d->on_reset_restart = CHOICE(p, node, "latch,on-reset", reset_names, 0) == 0;
    parse_paging(p, node, d);
    parse_load_address(p, node, d);
    fdt_for_each_subnode(child, p->fdt, node)
    {
        if (config_is_share(p->fdt, child))
            config_share_parse(p, p->fdt, child, d);
        else
            parse_module(p, node, child, d);
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
    struct text t = {.length = 0};
    uint64_t total = 0;

    for (unsigned int i = 0; i < p->out->nr_domains; i++) {
        const struct domain_config *d = &p->out->domain[i];

        total += d->memory; /* at most ram_bytes; a size is below 2^48: no overflow */
        for (unsigned int j = 0; j < d->nr_shares; j++)
            total += d->share[j].owner ? d->share[j].size : 0;
    }
    if (p->nr_ram == 0 || total <= p->ram_bytes)
        return;
    add(&t, "the domains need ");
    add_number(&t, total >> 10, 10);
    add(&t, " KiB together, the board has ");
    add_number(&t, p->ram_bytes >> 10, 10);
    add(&t, " KiB");
    refuse(p, chosen, &t);
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
    parse_memory(&p);
    parse_board_cpus(&p);
    chosen = fdt_path_offset(fdt, "/chosen");
    if (chosen < 0) {
        config_refuse(&p, 0, NULL, "no /chosen node");
        return HV_EINVAL;
    }
    parse_domains(&p, chosen);
    if (out->nr_domains == 0)
        config_refuse(&p, chosen, NULL, "no domain (a node compatible with \"xen,domain\")");
    check_modules(&p);
    check_total(&p, chosen);
    if (!p.failed)
        config_share_check(&p, out);
    return p.failed ? HV_EINVAL : HV_OK;
}
