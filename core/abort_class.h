/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a direct guest's abort means, by its syndrome alone. Pure; also built on the host. The order
 * of the questions matters: S1PTW before everything else, for WnR and CM then say what the guest
 * did and not what the walker wanted.
 */
#pragma once

#include <arch/trap.h>

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

/* walk: the WALK bit as an IPA. Of the trap: iss, instruction, and ipa where it is valid. */
enum abort_class abort_classify(const struct trap *trap, uint64_t walk);
