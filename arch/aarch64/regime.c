/* SPDX-License-Identifier: Apache-2.0 */
#include <arch/regime.h>

#include <arch/barrier.h>
#include <arch/sysreg.h>
#include <arch/tlb.h>

#include "core/vcpu.h"

#define SPSR_MODE GENMASK64(3, 0)
#define SPSR_EL1H 5

uint64_t regime_read(enum regime_reg reg)
{
    switch (reg) {
    case REGIME_SCTLR:
        return read_sysreg(sctlr_el1);
    case REGIME_TTBR0:
        return read_sysreg(ttbr0_el1);
    case REGIME_TTBR1:
        return read_sysreg(ttbr1_el1);
    case REGIME_TCR:
        return read_sysreg(tcr_el1);
    case REGIME_MAIR:
        return read_sysreg(mair_el1);
    case REGIME_REGS:
    default:
        return 0;
    }
}

/* ERET synchronizes for the guest. */
void regime_write(enum regime_reg reg, uint64_t value)
{
    switch (reg) {
    case REGIME_SCTLR:
        write_sysreg(value, sctlr_el1);
        break;
    case REGIME_TTBR0:
        write_sysreg(value, ttbr0_el1);
        break;
    case REGIME_TTBR1:
        write_sysreg(value, ttbr1_el1);
        break;
    case REGIME_TCR:
        write_sysreg(value, tcr_el1);
        break;
    case REGIME_MAIR:
        write_sysreg(value, mair_el1);
        break;
    case REGIME_REGS:
    default:
        break;
    }
}

/* A CPU may start a walk of EL1&0 at any moment, also while it runs EL2. */
void regime_set_user(uint64_t value, bool walks)
{
    uint64_t tcr = read_sysreg(tcr_el1);

    if (walks && (tcr & TCR_EPD0) == 0) {
        write_sysreg(value, ttbr0_el1);
        return;
    }
    write_sysreg(tcr | TCR_EPD0, tcr_el1);
    isb();
    write_sysreg(value, ttbr0_el1);
    isb();
    if (walks)
        write_sysreg(tcr & ~TCR_EPD0, tcr_el1);
}

void regime_no_walks(void)
{
    uint64_t tcr = read_sysreg(tcr_el1);

    write_sysreg(tcr | TCR_EPD0 | TCR_EPD1, tcr_el1);
    isb();
}

va_t regime_vectors(void) { return va_of(read_sysreg(vbar_el1)); }

bool regime_has_asid16(void) { return ((read_sysreg(id_aa64mmfr0_el1) >> 4) & 0xf) != 0; }

static bool uses_sp_el1(const struct vcpu *vcpu)
{
    return (vcpu->regs.spsr & SPSR_MODE) == SPSR_EL1H;
}

uint64_t regime_sp_read(const struct vcpu *vcpu)
{
    return uses_sp_el1(vcpu) ? read_sysreg(sp_el1) : read_sysreg(sp_el0);
}

void regime_sp_write(const struct vcpu *vcpu, uint64_t value)
{
    if (uses_sp_el1(vcpu))
        write_sysreg(value, sp_el1);
    else
        write_sysreg(value, sp_el0);
}

/* The guest may have stored to its tables just before: hence the first barrier. */
void regime_flush_va(va_t va)
{
    dsb_ish();
    tlbi_vaae1is(va);
    dsb_ish();
    tlbi_repeat();
    isb();
}
