/* SPDX-License-Identifier: Apache-2.0 */
#include "core/direct.h"

#include "core/console.h"
#include "core/domain.h"
#include "core/vcpu.h"

enum hv_err direct_create(struct domain *d)
{
    printk("latch: domain %s: latch,paging = \"direct\" is not supported by this build yet\n",
           d->name);
    return HV_ENOSYS;
}

enum hv_err direct_reset(struct domain *d)
{
    (void)d;
    return HV_ENOSYS;
}

void direct_preempt(struct vcpu *vcpu, enum ptwr_trigger why)
{
    (void)vcpu;
    (void)why;
}

void direct_sysreg_write(struct vcpu *vcpu, enum direct_reg reg, uint64_t value)
{
    (void)value;
    domain_stop(vcpu->domain, "write of a translation register (%d)", (int)reg);
}
