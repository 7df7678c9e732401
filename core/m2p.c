/* SPDX-License-Identifier: Apache-2.0 */
#include "core/m2p.h"

#include "core/direct.h"
#include "ptwr/port.h"

void m2p_set(struct direct *direct, mfn_t mfn, uint64_t pfn)
{
    const struct direct_map *map = &direct->map;
    mfn_t page = direct_m2p_mfn(map, mfn.raw / REGION_FRAMES - map->m2p_first);

    ptwr_port_store(&direct->port, page, mfn.raw % REGION_FRAMES, desc_of(pfn));
}

enum hv_err m2p_update(struct direct *direct, mfn_t mfn, uint64_t pfn)
{
    const struct frame *frame = frame_get(direct->ptwr.frames, mfn);

    if (frame == NULL || frame->owner != direct->ptwr.owner || frame->readonly)
        return HV_EPERM;
    if (pfn >= direct_nr_pfns(&direct->map) && pfn != LATCH_M2P_NONE)
        return HV_EINVAL;
    m2p_set(direct, mfn, pfn);
    return HV_OK;
}
