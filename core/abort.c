/* SPDX-License-Identifier: Apache-2.0 */
#include "core/abort.h"

#include "core/domain.h"
#include "core/vcpu.h"

enum abort_result abort_guest(struct vcpu *vcpu, const struct trap *trap)
{
    domain_stop(vcpu->domain, "stage-2 fault, ESR_EL2 %#lx at %#lx", trap->esr, vcpu->regs.elr);
    return ABORT_DONE;
}
