/* SPDX-License-Identifier: Apache-2.0 */
/* A vCPU's beginning. */
#include "core/vcpu.h"

#include "core/domain.h"

void vcpu_init(struct vcpu *vcpu, struct domain *d, unsigned int id, unsigned int cpu)
{
    vcpu->domain = d;
    vcpu->id = id;
    vcpu->cpu = cpu;
    vcpu->state = VCPU_OFF;
    vcpu->next = NULL;
}

void vcpu_reset(struct vcpu *vcpu)
{
    vcpu->state = VCPU_OFF;
    vcpu->prepared = false;
    arch_vcpu_reset(vcpu);
}
