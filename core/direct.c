/* SPDX-License-Identifier: Apache-2.0 */
#include "core/direct.h"

#include <arch/barrier.h>
#include <arch/cache.h>
#include <arch/gic.h>

#include "core/console.h"
#include "core/direct_build.h"
#include "core/direct_regime.h"
#include "core/domain.h"
#include "core/mem.h"
#include "core/refusal.h"
#include "core/share.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "ptwr/port.h"

#define GICV_SIZE (2 * PAGE_SIZE)

static_assert(sizeof(struct ptwr_counters) == sizeof(struct latch_counters), "abi.h repeats it");
static_assert((int)PTWR_TRIGGERS == (int)LATCH_TRIGGERS, "abi.h repeats it");

/* Every direct domain's frames; made for the first one. */
static struct frame_table frames;

static pa_t alloc_array(uint64_t count, size_t size)
{
    return mem_alloc_pages((count * size + PAGE_SIZE - 1) / PAGE_SIZE, 1);
}

static enum hv_err make_frame_table(void)
{
    uint64_t first = mem_start().raw >> REGION_SHIFT;
    uint64_t end = (mem_end().raw + REGION_SIZE - 1) >> REGION_SHIFT;
    pa_t list;

    if (frames.region != NULL)
        return HV_OK;
    list = alloc_array(end - first, sizeof(void *));
    if (list.raw == 0)
        return HV_ENOMEM;
    frames.region = (struct frame **)(uintptr_t)list.raw;
    frames.first = (uint32_t)first;
    frames.count = (uint32_t)(end - first);
    return HV_OK;
}

/* Records of one region's frames, all without an owner. */
static enum hv_err add_region(uint32_t region)
{
    pa_t list = alloc_array(REGION_FRAMES, sizeof(struct frame));
    struct frame *frame = (struct frame *)(uintptr_t)list.raw;

    if (list.raw == 0)
        return HV_ENOMEM;
    for (unsigned int i = 0; i < REGION_FRAMES; i++)
        frame[i].owner = FRAME_NO_OWNER;
    frames.region[region - frames.first] = frame;
    return HV_OK;
}

/* Chunks come from the top of memory, so that the list descends, as struct direct_map wants it. */
static enum hv_err allocate_memory(struct domain *d)
{
    struct direct_map *map = &d->direct.map;
    uint32_t count = (uint32_t)(d->config->memory >> REGION_SHIFT);
    pa_t list = alloc_array(count, sizeof(map->region[0]));
    uint32_t *region = (uint32_t *)(uintptr_t)list.raw;

    if (list.raw == 0)
        return HV_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        pa_t chunk = mem_alloc_chunk();

        if (chunk.raw == 0)
            return HV_ENOMEM;
        region[i] = (uint32_t)(chunk.raw >> REGION_SHIFT);
        if (add_region(region[i]) != HV_OK)
            return HV_ENOMEM;
    }
    map->region = region;
    map->nr_regions = count;
    map->m2p_first = frames.first;
    map->m2p_regions = frames.count;
    return HV_OK;
}

static void add_device(struct domain *d, unsigned int i, uint64_t base, uint64_t size)
{
    d->paging.ptwr.devices[i] = (struct ptwr_range){base, size};
}

/* The board's addresses, for stage 2 is one to one. What is emulated is not mapped in stage 2. */
static void choose_devices(struct domain *d)
{
    d->layout = (struct layout){.gicd = gic_gicd_pa().raw};
    if (gic_version() == 2) {
        d->layout.gicc = gic_gicc_pa().raw;
        add_device(d, 0, d->layout.gicd, VGIC_GICD_SIZE_V2);
        add_device(d, 1, d->layout.gicc, GICV_SIZE);
    } else {
        d->layout.gicr = gic_gicr_pa().raw;
        add_device(d, 0, d->layout.gicd, VGIC_GICD_SIZE_V3);
        add_device(d, 1, d->layout.gicr, d->nr_vcpus * VGIC_GICR_STRIDE);
    }
}

static uint64_t highest_address(const struct domain *d)
{
    uint64_t end = mem_end().raw;

    for (unsigned int i = 0; i < PTWR_MAX_DEVICES; i++) {
        const struct ptwr_range *range = &d->paging.ptwr.devices[i];

        if (range->size != 0 && range->base + range->size > end)
            end = range->base + range->size;
    }
    return end;
}

/* Both windows' level-3 tables: no fault of a guest may ever need memory. */
static enum hv_err make_windows(struct domain *d)
{
    const struct direct_map *map = &d->direct.map;

    for (uint32_t i = 0; i < map->nr_regions; i++) {
        uint64_t base = (uint64_t)map->region[i] << REGION_SHIFT;

        if (s2_leaf_table(&d->s2, ipa_of(base)) == NULL ||
            s2_leaf_table(&d->s2, ipa_of(base | d->paging.port.walk)) == NULL)
            return HV_ENOMEM;
    }
    return HV_OK;
}

static enum hv_err make_stage2(struct domain *d)
{
    uint64_t end = highest_address(d);
    unsigned int bits = direct_ipa_bits(end, s2_pa_bits());
    enum hv_err err;

    if (bits == 0) {
        printk("latch: domain %s: memory and devices end at %#lx, which leaves no address bit for "
               "the walk window (the CPU has %u bits)\n",
               d->name, end, s2_pa_bits());
        return HV_EINVAL;
    }
    paging_make_port(d, bits);
    err = s2_init(&d->s2, bits);
    if (err == HV_OK)
        err = make_windows(d);
    if (err == HV_OK && gic_version() == 2)
        err = s2_map(&d->s2, ipa_of(d->layout.gicc), gic_gicv_pa(), GICV_SIZE, S2_DEVICE, false);
    return err;
}

/* Once for all lives of the domain: what the others have in it stays. */
static enum hv_err map_shares(struct domain *d)
{
    for (unsigned int i = 0; i < d->config->nr_shares; i++) {
        const struct share_config *share = &d->config->share[i];
        pa_t base = share_memory(share);
        enum hv_err err = HV_ENOMEM;

        if (base.raw != 0)
            err = s2_map(&d->s2, ipa_of(base.raw), base, share->size,
                         share->writable ? S2_DATA_RW : S2_DATA_RO, true);
        if (err != HV_OK) {
            printk("latch: domain %s: no room for shared memory \"%s\", %lu KiB\n", d->name,
                   share->id, share->size >> 10);
            return err;
        }
        d->paging.ptwr.shared[i] = (struct ptwr_shared){{base.raw, share->size}, share->writable};
    }
    return HV_OK;
}

static enum hv_err make_engine(struct domain *d)
{
    d->paging.ptwr.normal_attrs = paging_normal_attrs(LATCH_MAIR);
    return paging_make_engine(d, &frames);
}

/* All frames the domain's, zero, writable, no table; those of the m2p read-only. */
static void take_frames(struct domain *d)
{
    struct direct *direct = &d->direct;
    const struct direct_map *map = &direct->map;
    uint32_t count = direct_nr_pfns(map);

    for (uint32_t i = 0; i < map->nr_regions; i++) {
        pa_t base = pa_of((uint64_t)map->region[i] << REGION_SHIFT);

        mem_zero(base, REGION_SIZE);
        /* A guest with a non-cacheable alias must not see what was there before. */
        cache_clean_range((void *)(uintptr_t)base.raw, REGION_SIZE);
        ptwr_region_add(&d->paging.ptwr, map->region[i]);
        paging_port_fill(&d->paging.port, ipa_of(base.raw));
    }
    for (uint32_t pfn = direct_m2p_pfn(map); pfn < count; pfn++) {
        mfn_t mfn = direct_mfn(map, pfn);

        frame_get(&frames, mfn)->readonly = 1;
        ptwr_port_s2_store(&d->paging.port, PTWR_DATA, mfn, PTWR_RO);
    }
    direct->nr_frames = count;
    direct->spare = MFN_NONE;
}

/*
 * Fill memory and hand it to the engine, as if the guest had written its tables itself. The VMID is
 * the domain's meanwhile; whatever any CPU cached under it before is gone first.
 */
static enum hv_err start(struct domain *d)
{
    struct s2_context saved;
    enum hv_err err;

    s2_flush(&d->s2);
    s2_enter(&d->s2, &saved);
    err = direct_build(d);
    s2_leave(&saved);
    return err;
}

enum hv_err direct_create(struct domain *d)
{
    enum hv_err err = direct_inspect(d);

    if (err == HV_OK)
        err = make_frame_table();
    if (err == HV_OK)
        err = allocate_memory(d);
    if (err != HV_OK)
        return err;
    choose_devices(d);
    err = make_stage2(d);
    if (err == HV_OK)
        err = map_shares(d);
    if (err == HV_OK)
        err = make_engine(d);
    if (err != HV_OK)
        return err;
    take_frames(d);
    return start(d);
}

enum hv_err direct_reset(struct domain *d)
{
    ptwr_reset(&d->paging.ptwr);
    memset(&d->paging.refusal, 0, sizeof(d->paging.refusal));
    take_frames(d);
    return start(d);
}
