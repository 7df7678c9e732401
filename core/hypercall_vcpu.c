/* SPDX-License-Identifier: Apache-2.0 */
/* vcpu_op: a direct guest's other vCPUs. */
#include "core/direct_vcpu.h"
#include "core/domain.h"
#include "core/guest_mem.h"
#include "core/hypercall_calls.h"
#include "core/sched.h"
#include "core/vgic.h"

/* All checks but those of the roots come before the vCPU is touched. */
static enum hv_err initialise(struct vcpu *vcpu, struct vcpu *target, uint64_t pointer)
{
    struct latch_vcpu_context context;
    unsigned int budget = PTWR_BUDGET;
    enum hv_err err;

    if (vcpu_power(target) != POWER_OFF)
        return HV_EBUSY;
    err = guest_read(vcpu, va_of(pointer), &context, sizeof(context), &budget);
    if (err != HV_OK)
        return err;
    if ((context.pc & 3) != 0 || (context.sp & 15) != 0)
        return HV_EINVAL;
    vcpu_reset(target);
    err = direct_set_regime(vcpu, target, context.ttbr0, context.ttbr1);
    if (err != HV_OK)
        return err;
    vgic_vcpu_on(target);
    target->regs.elr = context.pc;
    target->regs.x[0] = context.x0;
    target->arch.sp_el1 = context.sp;
    target->arch.vbar = context.vbar;
    target->prepared = true;
    return HV_OK;
}

static enum hv_err up(struct vcpu *target)
{
    if (vcpu_power(target) != POWER_OFF)
        return HV_OK; /* as in Xen: it is up */
    if (!target->prepared)
        return HV_EINVAL;
    vcpu_set_power(target, POWER_ON_PENDING);
    sched_add(target);
    return HV_OK;
}

/* Only oneself: another one may be anywhere in its work. */
static int64_t down(struct vcpu *vcpu, const struct vcpu *target)
{
    enum hv_err err = target == vcpu ? domain_leave_vcpu(vcpu) : HV_EPERM;

    return hypercall_result(err);
}

int64_t hypercall_vcpu_op(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;
    const uint64_t *x = vcpu->regs.x;
    struct vcpu *target;
    enum hv_err err;

    if (x[0] > VCPUOP_is_up)
        return HV_ENOSYS;
    if (x[1] >= d->nr_vcpus)
        return HV_ENOENT;
    target = d->vcpu[x[1]];
    if (x[0] == VCPUOP_is_up)
        return vcpu_power(target) != POWER_OFF;
    if (x[0] == VCPUOP_down)
        return down(vcpu, target);
    spin_lock(&d->lock);
    err = x[0] == VCPUOP_up ? up(target) : initialise(vcpu, target, x[2]);
    spin_unlock(&d->lock);
    return hypercall_result(err);
}
