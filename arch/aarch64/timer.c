/* SPDX-License-Identifier: Apache-2.0 */
/* CNTHP for EL2, CNTV for the guests. */
#include <arch/timer.h>

#include <arch/barrier.h>
#include <arch/gic.h>
#include <arch/sysreg.h>

#include "core/sched.h"
#include "core/vcpu.h"
#include "core/vgic.h"

#define CTL_ENABLE BIT64(0)
#define CTL_IMASK  BIT64(1)

void timer_init_cpu(void)
{
    write_sysreg(0, cnthp_ctl_el2);
    write_sysreg(0, cntv_ctl_el0);
    isb();
    gic_enable(GIC_PPI_HYP_TIMER);
    gic_enable(GIC_PPI_VTIMER);
    gic_enable(GIC_PPI_MAINTENANCE);
}

uint64_t timer_now(void)
{
    isb(); /* else the counter may be read ahead of what it is to time */
    return read_sysreg(cntpct_el0);
}

uint64_t timer_frequency(void) { return read_sysreg(cntfrq_el0); }

uint64_t timer_us(uint64_t us) { return timer_frequency() * us / 1000000; }

void timer_set_deadline(uint64_t when)
{
    if (when == TIMER_NEVER) {
        write_sysreg(0, cnthp_ctl_el2);
        return;
    }
    write_sysreg(when, cnthp_cval_el2);
    write_sysreg(CTL_ENABLE, cnthp_ctl_el2);
}

void timer_vcpu_load(struct vcpu *vcpu)
{
    const struct arch_vcpu *a = &vcpu->arch;

    write_sysreg(a->cntvoff, cntvoff_el2);
    write_sysreg(a->cntv_cval, cntv_cval_el0);
    isb();
    write_sysreg(a->cntv_ctl, cntv_ctl_el0);
}

void timer_vcpu_save(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;

    a->cntv_ctl = read_sysreg(cntv_ctl_el0);
    a->cntv_cval = read_sysreg(cntv_cval_el0);
    write_sysreg(0, cntv_ctl_el0);
    isb(); /* the line is low before the vGIC saves the interrupt's state */
}

uint64_t timer_vcpu_deadline(const struct vcpu *vcpu)
{
    const struct arch_vcpu *a = &vcpu->arch;

    if ((a->cntv_ctl & (CTL_ENABLE | CTL_IMASK)) != CTL_ENABLE ||
        a->cntv_cval > TIMER_NEVER - a->cntvoff)
        return TIMER_NEVER;
    return a->cntv_cval + a->cntvoff;
}

void timer_vtimer_irq(struct vcpu *vcpu)
{
    vgic_inject_hw(vcpu, GIC_PPI_VTIMER);
    sched_wake(vcpu); /* it may be in WFI: loaded, for nobody else had anything to run */
}
