/* SPDX-License-Identifier: Apache-2.0 */
#include "core/direct_build.h"

#include <arch/cache.h>
#include <arch/gic.h>
#include <arch/timer.h>

#include "core/console.h"
#include "core/direct.h"
#include "core/direct_regime.h"
#include "core/domain.h"
#include "core/elf.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "ptwr/desc.h"

static_assert(sizeof(struct latch_start_info) <= PAGE_SIZE, "one frame is planned for it");
static_assert(sizeof(((struct latch_start_info *)NULL)->cmd_line) == CONFIG_BOOTARGS_SIZE,
              "the whole command line is handed over");

#define LEAF_COMMON (DESC_VALID | DESC_TABLE | DESC_AF | DESC_SH | DESC_UXN)
#define LEAF_CONST  (LEAF_COMMON | DESC_AP_RO | DESC_PXN)
#define LEAF_DATA   (LEAF_COMMON | DESC_PXN)
static_assert(LATCH_ATTR_NORMAL == 0, "AttrIndx of all leaves here");

static const void *module_data(const struct module_config *module)
{
    return (const void *)(uintptr_t)module->base;
}

static void *frame_data(const struct domain *d, uint32_t pfn)
{
    return (void *)(uintptr_t)mfn_to_pa(direct_mfn(&d->direct.map, pfn)).raw;
}

/* Copy to a place given as bytes from pseudo-physical 0. Cleaned, for it may be code. */
static void copy_in(const struct domain *d, uint64_t at, const void *from, uint64_t size)
{
    const uint8_t *source = from;

    while (size != 0) {
        uint64_t room = PAGE_SIZE - (at & (PAGE_SIZE - 1));
        uint64_t n = size < room ? size : room;
        uint8_t *to = (uint8_t *)frame_data(d, (uint32_t)(at >> PAGE_SHIFT)) + (at % PAGE_SIZE);

        memcpy(to, source, n);
        cache_clean_range(to, n);
        at += n;
        source += n;
        size -= n;
    }
}

static const struct elf64_header *kernel_header(const struct domain *d)
{
    return module_data(&d->config->kernel);
}

static enum hv_err inspect(const struct domain *d, struct elf_info *info)
{
    const struct module_config *kernel = &d->config->kernel;
    const char *why;

    if (!elf_is(module_data(kernel), kernel->size)) {
        printk("latch: domain %s: the kernel of a direct domain must be an ELF file\n", d->name);
        return HV_EINVAL;
    }
    why = elf_inspect(module_data(kernel), kernel->size, info);
    if (why != NULL) {
        printk("latch: domain %s: kernel: %s\n", d->name, why);
        return HV_EINVAL;
    }
    return HV_OK;
}

enum hv_err direct_inspect(const struct domain *d)
{
    struct elf_info info;

    return inspect(d, &info);
}

static enum hv_err make_plan(struct domain *d, const struct elf_info *info)
{
    struct direct *direct = &d->direct;
    const struct direct_plan *plan = &direct->plan;
    const struct direct_needs needs = {
        .elf = info,
        .ramdisk_size = d->config->ramdisk.present ? d->config->ramdisk.size : 0,
        .nr_pfns = direct_nr_pfns(&direct->map),
        .m2p_pfn = direct_m2p_pfn(&direct->map),
    };

    switch (direct_plan_make(&needs, &direct->plan)) {
    case DIRECT_PLANNED:
        return HV_OK;
    case DIRECT_LOW_HALF:
        printk("latch: domain %s: kernel: linked at [%#lx, %#lx); a direct domain's lies wholly at "
               "0xffff000000000000 or above\n",
               d->name, info->vaddr_low, info->vaddr_high);
        break;
    case DIRECT_TOP:
        printk("latch: domain %s: kernel: linked at [%#lx, %#lx), too near to the end of the "
               "address space\n",
               d->name, info->vaddr_low, info->vaddr_high);
        break;
    case DIRECT_TOO_SMALL:
        printk("latch: domain %s: memory of %lu KiB is too small: kernel and ramdisk with what "
               "belongs to them need %lu KiB, the m2p %lu KiB\n",
               d->name, d->config->memory >> 10, (uint64_t)plan->end * (PAGE_SIZE >> 10),
               (uint64_t)(needs.nr_pfns - needs.m2p_pfn) * (PAGE_SIZE >> 10));
        break;
    }
    return HV_EINVAL;
}

static bool is_load(const struct elf64_segment *segment)
{
    return segment->type == ELF_PT_LOAD && segment->memsz != 0;
}

static void load_modules(const struct domain *d)
{
    const struct direct_plan *plan = &d->direct.plan;
    const struct elf64_header *header = kernel_header(d);
    const struct module_config *ramdisk = &d->config->ramdisk;

    for (unsigned int i = 0; i < header->phnum; i++) {
        const struct elf64_segment *segment = elf_segment(header, i);

        if (is_load(segment))
            copy_in(d, segment->vaddr - plan->virt_base, (const uint8_t *)header + segment->offset,
                    segment->filesz);
    }
    if (ramdisk->present)
        copy_in(d, (uint64_t)plan->ramdisk << PAGE_SHIFT, module_data(ramdisk), ramdisk->size);
    icache_invalidate_all();
}

/* How a frame of the image is mapped: as its segments say together; a gap between them is data. */
static uint64_t image_leaf(const struct domain *d, uint32_t pfn)
{
    const struct elf64_header *header = kernel_header(d);
    uint64_t va = direct_plan_va(&d->direct.plan, pfn);
    uint32_t flags = 0;
    bool found = false;

    for (unsigned int i = 0; i < header->phnum; i++) {
        const struct elf64_segment *segment = elf_segment(header, i);

        if (is_load(segment) && va < segment->vaddr + segment->memsz &&
            segment->vaddr < va + PAGE_SIZE) {
            flags |= segment->flags;
            found = true;
        }
    }
    if (!found)
        return LEAF_DATA;
    return LEAF_COMMON | ((flags & ELF_PF_W) != 0 ? 0 : DESC_AP_RO) |
           ((flags & ELF_PF_X) != 0 ? 0 : DESC_PXN);
}

static uint64_t leaf_of(const struct domain *d, uint32_t pfn)
{
    const struct direct_plan *plan = &d->direct.plan;

    if (pfn < plan->ramdisk)
        return image_leaf(d, pfn);
    if (pfn < plan->p2m || (pfn >= plan->tables && pfn < plan->stack))
        return LEAF_CONST;
    return LEAF_DATA;
}

/* Where the entry is that translates the VA of `pfn` in its table of `level`. */
static uint64_t *entry_of(const struct domain *d, unsigned int level, uint32_t pfn)
{
    const struct direct_plan *plan = &d->direct.plan;
    uint64_t *table = frame_data(d, direct_plan_table(plan, level, pfn));

    return &table[desc_index(direct_plan_va(plan, pfn), level)];
}

static void write_tables(const struct domain *d)
{
    const struct direct *direct = &d->direct;
    const struct direct_plan *plan = &direct->plan;

    for (uint32_t pfn = 0; pfn < plan->end; pfn++) {
        for (unsigned int level = 0; level < 3; level++) {
            mfn_t next = direct_mfn(&direct->map, direct_plan_table(plan, level + 1, pfn));

            *entry_of(d, level, pfn) =
                mfn_to_pa(next).raw | d->paging.ptwr.walk | DESC_VALID | DESC_TABLE;
        }
        *entry_of(d, 3, pfn) = mfn_to_pa(direct_mfn(&direct->map, pfn)).raw | leaf_of(d, pfn);
    }
}

/* A page of the p2m is a region's, as a page of the m2p is. */
static void write_p2m(const struct domain *d)
{
    const struct direct_map *map = &d->direct.map;

    for (uint32_t r = 0; r < map->nr_regions; r++) {
        uint64_t *page = frame_data(d, d->direct.plan.p2m + r);
        uint64_t first = (uint64_t)map->region[r] * REGION_FRAMES;

        for (uint32_t i = 0; i < REGION_FRAMES; i++)
            page[i] = first + direct_place(i);
    }
}

static void write_m2p(const struct domain *d)
{
    const struct direct_map *map = &d->direct.map;
    uint64_t *none = frame_data(d, direct_nr_pfns(map) - 1);

    for (uint32_t r = 0; r < map->nr_regions; r++) {
        uint64_t *page = frame_data(d, direct_m2p_pfn(map) + r);

        for (uint32_t i = 0; i < REGION_FRAMES; i++)
            page[direct_place(i)] = (uint64_t)r * REGION_FRAMES + i;
    }
    for (unsigned int i = 0; i < M2P_PAGE_ENTRIES; i++)
        none[i] = LATCH_M2P_NONE;
}

static_assert(CONFIG_MAX_SHARES == LATCH_MAX_SHARED, "each has its place");
static_assert(sizeof(((struct share_config *)NULL)->id) ==
                  sizeof(((struct latch_shared *)NULL)->name),
              "and its name too");

static void write_shares(const struct domain *d, struct latch_start_info *info)
{
    info->nr_shared = d->config->nr_shares;
    for (unsigned int i = 0; i < d->config->nr_shares; i++) {
        const struct ptwr_shared *shared = &d->paging.ptwr.shared[i];

        info->shared[i].address = shared->range.base;
        info->shared[i].size = shared->range.size;
        info->shared[i].writable = shared->writable;
        memcpy(info->shared[i].name, d->config->share[i].id, sizeof(info->shared[i].name));
    }
}

static void write_start_info(const struct domain *d)
{
    const struct direct_plan *plan = &d->direct.plan;
    const struct direct_map *map = &d->direct.map;
    const struct module_config *ramdisk = &d->config->ramdisk;
    struct latch_start_info *info = frame_data(d, plan->start_info);

    memcpy(info->magic, LATCH_START_MAGIC, sizeof(LATCH_START_MAGIC));
    info->nr_pages = direct_nr_pfns(map);
    info->virt_base = plan->virt_base;
    info->boot_end = plan->boot_end;
    info->mfn_list = direct_plan_va(plan, plan->p2m);
    info->pt_base = direct_plan_va(plan, plan->tables);
    info->nr_pt_frames = plan->stack - plan->tables;
    info->first_free = plan->first_free;
    info->m2p_pages = direct_m2p_pfn(map);
    info->m2p_first = (uint64_t)map->m2p_first * REGION_FRAMES;
    info->walk = d->paging.ptwr.walk;
    info->stack_top = direct_plan_va(plan, plan->first_free);
    if (ramdisk->present) {
        info->ramdisk = direct_plan_va(plan, plan->ramdisk);
        info->ramdisk_size = ramdisk->size;
    }
    info->gic_version = gic_version();
    info->gicd = d->layout.gicd;
    info->gicc = d->layout.gicc;
    info->gicr = d->layout.gicr;
    info->nr_vcpus = d->nr_vcpus;
    write_shares(d, info);
    memcpy(info->cmd_line, d->config->kernel.bootargs, sizeof(info->cmd_line));
}

/* No different from a guest's own request, but that nobody waits between the chunks. */
static enum hv_err validate(struct domain *d, mfn_t root)
{
    struct ptwr *p = &d->paging.ptwr;
    unsigned int budget;
    enum hv_err err;

    do {
        budget = PTWR_BUDGET;
        err = ptwr_pin(p, root, 0, &budget);
    } while (err == HV_EAGAIN);
    while (err == HV_OK) {
        budget = PTWR_BUDGET;
        err = ptwr_load_base(p, 0, 1, root, &budget);
        if (err == HV_OK)
            return HV_OK;
        if (err == HV_EAGAIN)
            err = HV_OK;
    }
    printk("latch: domain %s: its first page tables are refused (%d): %s\n", d->name, (int)err,
           ptwr_rule_name(p->violation.rule));
    return err;
}

static void start_vcpu(struct domain *d, mfn_t root, uint64_t entry)
{
    const struct direct_plan *plan = &d->direct.plan;
    struct vcpu *vcpu = d->vcpu[0];

    d->cntvoff = timer_now();
    vcpu_reset(vcpu);
    direct_regime_start(vcpu, root);
    vcpu->regs.x[0] = direct_plan_va(plan, plan->start_info);
    vcpu->regs.elr = entry;
    vcpu->arch.sp_el1 = direct_plan_va(plan, plan->first_free);
}

enum hv_err direct_build(struct domain *d)
{
    struct elf_info info;
    mfn_t root;
    enum hv_err err = inspect(d, &info);

    if (err == HV_OK)
        err = make_plan(d, &info);
    if (err != HV_OK)
        return err;
    load_modules(d);
    write_tables(d);
    write_p2m(d);
    write_m2p(d);
    write_start_info(d);
    root = direct_mfn(&d->direct.map, d->direct.plan.tables);
    err = validate(d, root);
    if (err == HV_OK)
        start_vcpu(d, root, info.entry);
    return err;
}
