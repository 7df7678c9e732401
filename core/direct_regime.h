/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers that give a direct guest's descriptors their meaning: how they are at the start and
 * what a guest may make of them.
 */
#pragma once

#include <arch/regime.h>

#include "ptwr/ptwr.h"

struct vcpu;

/*
 * The vCPU's EL1 registers at the start: MMU and caches on, TTBR1_EL1 at `root`, no TTBR0_EL1.
 * Precondition: it has been reset and is not loaded.
 */
void direct_regime_start(struct vcpu *vcpu, mfn_t root);

/* The frame that a TTBRn_EL1 value names; false: none that a walk may start from. */
bool direct_root(const struct ptwr *p, uint64_t ttbr, mfn_t *root);

/*
 * A trapped MSR. True: done, step over it. False: it is to run again (its tables are being
 * validated), or the guest got an exception for it, or has been stopped.
 */
bool direct_regime_write(struct vcpu *vcpu, enum regime_reg reg, uint64_t value);

/*
 * NEW_BASEPTR (which = 1) and NEW_USER_BASEPTR (0; MFN_NONE: none): ASID 0, and a flush of
 * everything. As ptwr_load_base() otherwise. Precondition: the lock is held.
 */
NODISCARD
enum hv_err direct_new_base(struct vcpu *vcpu, unsigned int which, mfn_t root,
                            unsigned int *budget);
