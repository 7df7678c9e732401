/* SPDX-License-Identifier: Apache-2.0 */
/* Where memory is: the board's, and the files that the boot loader put there. */
#include "core/config_module.h"

#include <libfdt.h>
#include <string.h>

#include "core/config_parser.h"

#define ADDRESS_BITS 48 /* what the architecture has without LPA; sums cannot wrap */

static bool wraps(struct range r) { return r.base + r.size < r.base; }

static bool overlap(struct range a, struct range b)
{
    if (a.size == 0 || b.size == 0)
        return false;
    return a.base >= b.base ? a.base - b.base < b.size : b.base - a.base < a.size;
}

/* ---- The board ---- */

void config_parse_memory(struct parser *p)
{
    int node, na, ns, length;

    if (!config_cells(p, 0, &na, &ns))
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
            struct range r = {config_read_cells(&reg[i], na), config_read_cells(&reg[i + na], ns)};

            if (r.size == 0)
                continue;
            if (wraps(r) || p->nr_ram == CONFIG_MAX_RAM_RANGES) {
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
void config_parse_cpus(struct parser *p)
{
    int parent = fdt_path_offset(p->fdt, "/cpus");
    int node;

    if (parent < 0)
        return;
    fdt_for_each_subnode(node, p->fdt, parent)
    {
        if (config_has(p, node, "reg") && p->nr_cpus < CONFIG_MAX_CPUS)
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

static const char *const module_properties[] = {
    "compatible", "reg", "phandle", "latch,file", NULL,
};

/* A file that the guest runs in place is given to it by whole 2 MiB blocks. */
static struct range owned_range(const struct domain_config *d, const struct module_config *m)
{
    struct range r = {m->base, m->size};

    if (d->paging != DOMAIN_DIRECT && !d->on_reset_restart && (m->base & (REGION_SIZE - 1)) == 0)
        r.size = (r.size + REGION_SIZE - 1) & ~(REGION_SIZE - 1);
    return r;
}

static bool parse_reg(struct parser *p, int domain, int node, struct module_config *module)
{
    int na, ns, length;
    const fdt32_t *reg = fdt_getprop(p->fdt, node, "reg", &length);

    if (!config_cells(p, domain, &na, &ns))
        return false;
    if (reg == NULL || length != (na + ns) * (int)sizeof(*reg)) {
        config_refuse(p, node, "reg",
                      "must be one address and one size, in the cells that the "
                      "domain's #address-cells and #size-cells say");
        return false;
    }
    module->base = config_read_cells(reg, na);
    module->size = config_read_cells(&reg[na], ns);
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

    if (!config_has(p, node, "bootargs"))
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

void config_parse_module(struct parser *p, int domain, int node, struct domain_config *d)
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
    struct config_text t = {.length = 0};

    config_add_range(&t, m->range);
    config_add(&t, what);
    if (other >= 0)
        config_add_path(&t, p, other);
    if (r.size != 0) {
        config_add(&t, " ");
        config_add_range(&t, r);
    }
    config_refuse_text(p, m->node, &t);
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
    if (parent < 0 || !config_cells(p, parent, &na, &ns))
        return;
    fdt_for_each_subnode(node, p->fdt, parent)
    {
        const fdt32_t *reg = fdt_getprop(p->fdt, node, "reg", &length);

        for (int i = 0; reg != NULL && i + na + ns <= length / (int)sizeof(*reg); i += na + ns) {
            struct range r = {config_read_cells(&reg[i], na), config_read_cells(&reg[i + na], ns)};

            if (overlap(m->range, r))
                refuse_overlap(p, m, " overlaps ", node, r);
        }
    }
}

void config_check_modules(struct parser *p)
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
