/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hypercall.h"

#include "core/vcpu.h"

/* A plain domain has none: the answer is Xen's -ENOSYS. */
void hypercall(struct vcpu *vcpu) { vcpu->regs.x[0] = (uint64_t)(int64_t)HV_ENOSYS; }
