/* SPDX-License-Identifier: Apache-2.0 */
/* Stage-2 faults of direct and guarded domains. */
#pragma once

#include <arch/trap.h>

struct vcpu;

/*
 * Answer the fault completely: the vCPU goes on behind the instruction, at it once more, or in its
 * vector; or its domain was stopped.
 */
void abort_paged(struct vcpu *vcpu, const struct trap *trap);
