/* SPDX-License-Identifier: Apache-2.0 */
#include "core/m2p.h"

#include "core/domain.h"
#include "ptwr/port.h"

void m2p_set(struct domain *d, mfn_t mfn, uint64_t pfn)
{
    const struct direct_map *map = &d->direct.map;
    mfn_t page = direct_m2p_mfn(map, mfn.raw / REGION_FRAMES - map->m2p_first);

    ptwr_port_store(&d->paging.port, page, mfn.raw % REGION_FRAMES, desc_of(pfn));
}

enum hv_err m2p_update(struct domain *d, mfn_t mfn, uint64_t pfn)
{
    const struct frame *frame = frame_get(d->paging.ptwr.frames, mfn);

    if (frame == NULL || frame->owner != d->paging.ptwr.owner || frame->readonly)
        return HV_EPERM;
    if (pfn >= direct_nr_pfns(&d->direct.map) && pfn != LATCH_M2P_NONE)
        return HV_EINVAL;
    m2p_set(d, mfn, pfn);
    return HV_OK;
}
