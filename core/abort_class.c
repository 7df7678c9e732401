/* SPDX-License-Identifier: Apache-2.0 */
#include "core/abort_class.h"

#include <arch/vcpu.h>

#define FSC_TLB_CONFLICT 0x30

static enum abort_class classify_walk(const struct trap *trap, uint64_t walk)
{
    switch (ISS_FSC_KIND(trap->iss)) {
    case FSC_TRANSLATION:
        return (trap->ipa.raw & walk) != 0 ? ABORT_WALK : ABORT_WALK_OTHER;
    case FSC_PERMISSION:
        return ABORT_WALK_UPDATE;
    default:
        return ABORT_WALK_OTHER;
    }
}

/* HPFAR_EL2 is not valid here; what the access was tells enough. */
static enum abort_class classify_permission(const struct trap *trap)
{
    if (trap->instruction)
        return ABORT_EXECUTE;
    if ((trap->iss & ISS_DABT_CM) != 0)
        return ABORT_MAINTENANCE;
    return (trap->iss & ISS_DABT_WNR) != 0 ? ABORT_STORE : ABORT_LOAD;
}

enum abort_class abort_classify(const struct trap *trap, uint64_t walk)
{
    if (ISS_FSC(trap->iss) == FSC_TLB_CONFLICT)
        return ABORT_CONFLICT;
    if ((trap->iss & ISS_ABT_S1PTW) != 0)
        return classify_walk(trap, walk);
    switch (ISS_FSC_KIND(trap->iss)) {
    case FSC_TRANSLATION:
        return (trap->ipa.raw & walk) != 0 ? ABORT_WINDOW : ABORT_UNMAPPED;
    case FSC_PERMISSION:
        return classify_permission(trap);
    default:
        return ABORT_OTHER;
    }
}
