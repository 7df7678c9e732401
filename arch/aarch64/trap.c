/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's trap is, by ESR_EL2.EC, and who answers it. No policy: hypercalls, PSCI, page
 * tables and devices are core/'s.
 */
#include <arch/trap.h>

#include <arch/gic.h>
#include <arch/stage1.h>
#include <arch/sysreg.h>
#include <arch/timer.h>
#include <arch/uart.h>
#include <arch/vcpu.h>

#include "core/abort.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/hypercall.h"
#include "core/mmio.h"
#include "core/psci.h"
#include "core/sched.h"
#include "core/store_fault.h"
#include "core/vcpu.h"
#include "core/vgic.h"

#define HVC_LATCH 0xea1
#define HVC_PSCI  0 /* of SMC too */
#define WFX_WFE   BIT64(0)

/* What trap_full() calls last it need not have a stack frame for. */
#define NOINLINE __attribute__((noinline))

/* AArch32 is not offered; a guest's EL0 that uses it all the same may misstep by its own fault. */
void trap_advance(struct vcpu *vcpu) { vcpu->regs.elr += 4; }

/* An HVC returns behind itself. */
void trap_hvc(struct vcpu *vcpu, uint64_t esr)
{
    switch ((uint16_t)esr) {
    case HVC_PSCI:
        psci_call(vcpu);
        break;
    case HVC_LATCH:
        hypercall(vcpu);
        break;
    default:
        vcpu->regs.elr -= 4;
        inject_undef(vcpu);
        break;
    }
}

/* A trapped SMC returns to itself. */
static void trap_smc(struct vcpu *vcpu, uint64_t esr)
{
    if ((uint16_t)esr != HVC_PSCI) {
        inject_undef(vcpu);
        return;
    }
    trap_advance(vcpu);
    psci_call(vcpu);
}

static NOINLINE void trap_wfx(struct vcpu *vcpu, uint32_t iss)
{
    trap_advance(vcpu);
    if ((iss & WFX_WFE) != 0)
        sched_yield(vcpu);
    else if (!vgic_has_pending(vcpu))
        sched_block(vcpu);
}

void trap_inject_external(struct vcpu *vcpu, const struct trap *trap)
{
    unsigned int fsc = FSC_EXTERNAL;

    if ((trap->iss & ISS_ABT_S1PTW) != 0)
        fsc = FSC_EXTERNAL_WALK + s1_walk_level(vcpu, trap->far, trap->ipa);
    if (trap->instruction)
        inject_instruction_abort(vcpu, trap->far, fsc);
    else
        inject_data_abort(vcpu, trap->far, fsc, (trap->iss & ISS_DABT_WNR) != 0);
}

/* The low bits of a register that an access of this size moves. */
static uint64_t low_bits(unsigned int size) { return ~UINT64_C(0) >> (64 - 8 * size); }

/* A load's result as the instruction wants it in its register. */
static uint64_t extend(uint64_t value, unsigned int size, uint32_t iss)
{
    unsigned int unused = 64 - 8 * size;

    if ((iss & ISS_DABT_SSE) == 0)
        return value;
    value = (uint64_t)((int64_t)(value << unused) >> unused);
    return (iss & ISS_DABT_SF) != 0 ? value : value & UINT32_MAX;
}

/* The IPA of an abort for which HPFAR_EL2 is valid. */
static ipa_t fault_ipa(uint64_t far)
{
    uint64_t page = (read_sysreg(hpfar_el2) & GENMASK64(43, 4)) << 8;

    return ipa_of(page | (far & (PAGE_SIZE - 1)));
}

#define DEVICE_ACCESS_MASK (ISS_DABT_ISV | ISS_ABT_S1PTW | ISS_FSC_KIND_MASK)

/*
 * Most aborts of a plain guest, and some of a direct one: a load or store that the syndrome
 * describes in full, at an address behind which there is no memory but perhaps a device.
 */
static bool device_access(struct vcpu *vcpu, uint32_t iss)
{
    unsigned int size = 1U << ISS_DABT_SAS(iss);
    unsigned int rt = ISS_DABT_SRT(iss);
    bool write = (iss & ISS_DABT_WNR) != 0;
    uint64_t value = 0;
    ipa_t ipa;

    if ((iss & DEVICE_ACCESS_MASK) != (ISS_DABT_ISV | FSC_TRANSLATION))
        return false;
    ipa = fault_ipa(read_sysreg(far_el2));
    if ((ipa.raw & (size - 1)) != 0)
        return false;
    if (write)
        value = arch_reg_read(&vcpu->regs, rt) & low_bits(size);
    switch (mmio_access(vcpu, ipa, size, write, &value)) {
    case MMIO_AGAIN:
        return true;
    case MMIO_DONE:
        break;
    case MMIO_NONE:
    default:
        return false;
    }
    if (!write)
        arch_reg_write(&vcpu->regs, rt, extend(value, size, iss));
    trap_advance(vcpu);
    return true;
}

/* All other aborts. */
static NOINLINE void trap_abort(struct vcpu *vcpu, uint64_t esr)
{
    unsigned int kind = ISS_FSC_KIND(esr);
    struct trap trap = {
        .ec = (unsigned int)(esr >> 26),
        .iss = (uint32_t)(esr & GENMASK64(24, 0)),
        .esr = esr,
        .far = va_of(read_sysreg(far_el2)),
    };
    bool walk = (trap.iss & ISS_ABT_S1PTW) != 0;

    trap.instruction = trap.ec == EC_IABT_LOWER;
    trap.ipa_valid = walk || kind == FSC_TRANSLATION || kind == FSC_ACCESS_FLAG;
    if (trap.ipa_valid)
        trap.ipa = fault_ipa(walk ? 0 : trap.far.raw);
    if (vcpu->domain->kind != DOMAIN_PLAIN)
        abort_paged(vcpu, &trap);
    else
        trap_inject_external(vcpu, &trap);
}

static NOINLINE void trap_data_abort(struct vcpu *vcpu, uint64_t esr)
{
    uint32_t iss = (uint32_t)(esr & GENMASK64(24, 0));

    if (!device_access(vcpu, iss) && !store_fault_quick(vcpu, iss, va_of(read_sysreg(far_el2))))
        trap_abort(vcpu, esr);
}

void trap_full(struct vcpu *vcpu, uint64_t esr)
{
    switch (esr >> 26) {
    case EC_WFX:
        trap_wfx(vcpu, (uint32_t)esr);
        break;
    case EC_SMC64:
        trap_smc(vcpu, esr);
        break;
    case EC_SYSREG:
        sysreg_trap(vcpu, (uint32_t)esr);
        break;
    case EC_DABT_LOWER:
        trap_data_abort(vcpu, esr);
        break;
    case EC_IABT_LOWER:
        trap_abort(vcpu, esr);
        break;
    default:
        inject_undef(vcpu);
        break;
    }
}

void trap_serror(struct vcpu *vcpu, uint64_t esr)
{
    domain_stop(vcpu->domain, "SError, ESR_EL2 %#lx at %#lx", (unsigned long)esr,
                (unsigned long)vcpu->regs.elr);
}

/* vcpu is NULL when no vCPU is loaded. A guest's interrupt that comes too late is dropped then. */
void trap_irq(struct vcpu *vcpu)
{
    unsigned int ack = gic_ack();
    unsigned int intid = gic_intid(ack);

    if (intid >= GIC_MAX_INTID)
        return;
    gic_drop(ack);
    if (intid == GIC_PPI_VTIMER && vcpu != NULL) {
        timer_vtimer_irq(vcpu); /* stays active until the guest's EOI */
        return;
    }
    if (intid == GIC_PPI_HYP_TIMER)
        sched_timer();
    else if (intid == GIC_SGI_IPI)
        sched_mail();
    else if (intid == uart_intid())
        console_input_irq();
    else if (intid == GIC_PPI_MAINTENANCE && vcpu != NULL)
        vgic_maintenance(vcpu);
    else if (intid != GIC_PPI_MAINTENANCE && intid != GIC_PPI_VTIMER)
        gic_disable(intid); /* nobody's: once is enough */
    gic_deactivate(ack);
}
