/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a direct guest's abort means, by its syndrome alone. Pure; also built on the host. The order
 * of the questions matters: S1PTW before everything else, for WnR and CM then say what the guest
 * did and not what the walker wanted.
 */
#pragma once

#include <arch/trap.h>
#include <arch/vcpu.h>

enum abort_class {
    ABORT_WALK,        /* a walk met a page that is not in the walk window: reconnect or validate */
    ABORT_WALK_UPDATE, /* the walker wanted to store: AF or DBM, which are off */
    ABORT_WALK_OTHER,  /* a walk outside the walk window, or one that failed otherwise */
    ABORT_WINDOW,      /* a load, store or fetch by the walk window */
    ABORT_UNMAPPED,    /* nothing is there; emulated devices were asked before */
    ABORT_EXECUTE,     /* a fetch that stage 2 forbids */
    ABORT_MAINTENANCE, /* cache maintenance that wanted write permission: not a store */
    ABORT_STORE,       /* a store to what is read-only in stage 2 */
    ABORT_LOAD,        /* a load that stage 2 forbids, which it never does: an old entry */
    ABORT_CONFLICT,    /* TLB conflict */
    ABORT_OTHER,       /* address size, access flag, external */
};

#define FSC_TLB_CONFLICT 0x30

static inline enum abort_class abort_classify_walk(const struct trap *trap, uint64_t walk)
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
static inline enum abort_class abort_classify_permission(const struct trap *trap)
{
    if (trap->instruction)
        return ABORT_EXECUTE;
    if ((trap->iss & ISS_DABT_CM) != 0)
        return ABORT_MAINTENANCE;
    return (trap->iss & ISS_DABT_WNR) != 0 ? ABORT_STORE : ABORT_LOAD;
}

/* walk: the WALK bit as an IPA. Of the trap: iss, instruction, and ipa where it is valid. */
static inline enum abort_class abort_classify(const struct trap *trap, uint64_t walk)
{
    if (ISS_FSC(trap->iss) == FSC_TLB_CONFLICT)
        return ABORT_CONFLICT;
    if ((trap->iss & ISS_ABT_S1PTW) != 0)
        return abort_classify_walk(trap, walk);
    switch (ISS_FSC_KIND(trap->iss)) {
    case FSC_TRANSLATION:
        return (trap->ipa.raw & walk) != 0 ? ABORT_WINDOW : ABORT_UNMAPPED;
    case FSC_PERMISSION:
        return abort_classify_permission(trap);
    default:
        return ABORT_OTHER;
    }
}
