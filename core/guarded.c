/* SPDX-License-Identifier: Apache-2.0 */
#include "core/guarded.h"

#include <arch/mmu.h>
#include <arch/regime.h>
#include <arch/stage2.h>

#include "core/console.h"
#include "core/domain.h"
#include "core/mem.h"
#include "core/paging.h"
#include "core/vcpu.h"

static uint64_t nr_regions(const struct domain *d) { return d->ram_size >> REGION_SHIFT; }

static ipa_t region_ipa(const struct domain *d, uint64_t i)
{
    return ipa_of(d->ram_base + (i << REGION_SHIFT));
}

static pa_t alloc(uint64_t bytes)
{
    return mem_alloc_pages((bytes + PAGE_SIZE - 1) / PAGE_SIZE, 1);
}

/* 16 bytes for each frame, and a list of where each region's begin. */
static enum hv_err make_frames(struct domain *d)
{
    struct frame_table *frames = &d->guarded.frames;
    pa_t records = alloc(nr_regions(d) * REGION_FRAMES * sizeof(struct frame));
    pa_t list = alloc(nr_regions(d) * sizeof(void *));

    if (records.raw == 0 || list.raw == 0)
        return HV_ENOMEM;
    frames->region = (struct frame **)(uintptr_t)list.raw;
    frames->first = (uint32_t)(d->ram_base >> REGION_SHIFT);
    frames->count = (uint32_t)nr_regions(d);
    for (uint64_t i = 0; i < nr_regions(d); i++)
        frames->region[i] = (struct frame *)(uintptr_t)records.raw + i * REGION_FRAMES;
    return HV_OK;
}

/* Stage 2's tables for both windows, and EL2's view: no fault of a guest may ever need memory. */
static enum hv_err make_windows(struct domain *d)
{
    struct paging_port *port = &d->paging.port;

    for (uint64_t i = 0; i < nr_regions(d); i++) {
        ipa_t ipa = region_ipa(d, i);
        pa_t pa = pa_of((uint64_t)d->chunk[i] << REGION_SHIFT);

        if (s2_leaf_table(&d->s2, ipa) == NULL ||
            s2_leaf_table(&d->s2, ipa_of(ipa.raw | port->walk)) == NULL ||
            el2_map_view(port->view + ipa.raw, pa) != HV_OK)
            return HV_ENOMEM;
    }
    return HV_OK;
}

/* All frames the domain's, writable, no table. */
static void take_frames(struct domain *d)
{
    const struct frame_table *frames = &d->guarded.frames;

    for (uint32_t i = 0; i < frames->count; i++) {
        for (uint32_t n = 0; n < REGION_FRAMES; n++)
            frames->region[i][n] = (struct frame){.owner = (uint8_t)d->id};
        paging_port_fill(&d->paging.port, region_ipa(d, i));
    }
}

enum hv_err guarded_create(struct domain *d)
{
    struct paging_port *port = &d->paging.port;
    struct ptwr *p = &d->paging.ptwr;
    enum hv_err err;

    paging_make_port(d, d->s2.ipa_bits);
    if (d->ram_base + d->ram_size > port->walk) {
        printk("latch: domain %s: %lu MiB end above %#lx, where the walk window begins\n", d->name,
               d->ram_size >> 20, port->walk);
        return HV_EINVAL;
    }
    port->view = el2_view(d->id);
    port->chunk = d->chunk;
    port->first = (uint32_t)(d->ram_base >> REGION_SHIFT);
    p->guarded = true;
    p->count_users = d->config->user_writers;
    err = make_frames(d);
    if (err == HV_OK)
        err = make_windows(d);
    if (err == HV_OK)
        err = paging_make_engine(d, &d->guarded.frames);
    if (err == HV_OK)
        take_frames(d);
    return err;
}

void guarded_reset(struct domain *d)
{
    ptwr_reset(&d->paging.ptwr);
    take_frames(d);
}

enum hv_err guarded_leave_vcpu(struct vcpu *vcpu)
{
    unsigned int budget = PTWR_BUDGET;
    enum hv_err err = paging_sync(vcpu, PTWR_T_LIFE, &budget);

    if (err != HV_OK)
        return err;
    regime_no_walks();
    ptwr_stage1_off(&vcpu->domain->paging.ptwr, vcpu->id);
    return HV_OK;
}
