/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How further vCPUs of a direct domain come and go. The caller is the current vCPU; the domain's
 * lock is held. HV_EAGAIN: the guest is to make its call again. HV_EPERM after a refused entry of
 * an open table: the domain has been stopped.
 */
#pragma once

#include "ptwr/base.h"

struct vcpu;

/*
 * A vCPU that is off and reset gets the caller's SCTLR_EL1, TCR_EL1 and MAIR_EL1, and these bases,
 * as an MSR would take them: with WALK; ttbr0 with base 0 is none. HV_EINVAL: a value without WALK,
 * or a root with an entry that is refused; HV_EPERM, HV_EBUSY: as ptwr_load_base().
 */
NODISCARD
enum hv_err direct_set_regime(struct vcpu *caller, struct vcpu *target, uint64_t ttbr0,
                              uint64_t ttbr1);

/* The same with the bases that the caller runs on. */
NODISCARD
enum hv_err direct_start_vcpu(struct vcpu *caller, struct vcpu *target);

/* The current vCPU goes off: nothing walks its tables on this CPU, and it keeps none. */
NODISCARD
enum hv_err direct_leave_vcpu(struct vcpu *vcpu);
