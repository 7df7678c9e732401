/* SPDX-License-Identifier: Apache-2.0 */
#include "core/balloon.h"

#include <arch/barrier.h>
#include <arch/cache.h>

#include "core/check.h"
#include "core/domain.h"
#include "core/m2p.h"
#include "core/mem.h"
#include "ptwr/port.h"

enum hv_err balloon_take(struct domain *d, mfn_t mfn, unsigned int *budget)
{
    enum hv_err err = ptwr_frame_remove(&d->paging.ptwr, mfn, budget);

    if (err != HV_OK)
        return err;
    m2p_set(d, mfn, LATCH_M2P_NONE);
    frame_get(d->paging.ptwr.frames, mfn)->parent = d->direct.spare.raw;
    d->direct.spare = mfn;
    d->direct.nr_frames--;
    return HV_OK;
}

mfn_t balloon_next(const struct domain *d) { return d->direct.spare; }

uint64_t balloon_home(const struct domain *d, mfn_t mfn)
{
    uint32_t pfn;

    return direct_pfn(&d->direct.map, mfn, &pfn) ? pfn : LATCH_M2P_NONE;
}

/* Without an owner since it was taken, so the engine cannot refuse it. */
void balloon_give(struct domain *d, uint64_t pfn)
{
    mfn_t mfn = d->direct.spare;
    pa_t base = mfn_to_pa(mfn);
    mfn_t next = mfn_of(frame_get(d->paging.ptwr.frames, mfn)->parent);

    mem_zero(base, PAGE_SIZE);
    /* A guest with a non-cacheable alias must not see what was there before. */
    cache_clean_range((void *)(uintptr_t)base.raw, PAGE_SIZE);
    CHECK(ptwr_frame_add(&d->paging.ptwr, mfn) == HV_OK);
    d->direct.spare = next;
    d->direct.nr_frames++;
    ptwr_port_s2_store(&d->paging.port, PTWR_DATA, mfn, PTWR_RW);
    dsb_ishst();
    m2p_set(d, mfn, pfn);
}
