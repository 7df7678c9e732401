/* SPDX-License-Identifier: Apache-2.0 */
/* The registers that give a guarded guest's descriptors their meaning. */
#pragma once

#include <arch/regime.h>

struct vcpu;

/*
 * A trapped MSR. True: done, step over it. False: it is to run again (the tables that it names are
 * being validated), or the guest got an exception for it, or has been stopped.
 */
bool guarded_regime_write(struct vcpu *vcpu, enum regime_reg reg, uint64_t value);

/*
 * The same, as short as a context switch wants it: another root of the same kind in TTBR0_EL1, the
 * root that TTBR1_EL1 has already. False: nothing has happened.
 */
bool guarded_regime_quick(struct vcpu *vcpu, enum regime_reg reg, uint64_t value);
