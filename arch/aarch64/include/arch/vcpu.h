/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vCPU keeps of an Arm CPU. vectors.S stores into struct regs; arch_vcpu_load() and
 * arch_vcpu_save() move struct arch_vcpu to and from the EL1 registers when vCPUs are switched.
 */
#pragma once

#include <assert.h>

#include "ptwr/base.h"

struct vcpu;

/* Layout known to vectors.S. */
struct regs {
    uint64_t x[31];
    uint64_t elr;
    uint64_t spsr;
    uint64_t unused; /* keeps what follows 16-byte aligned */
};
static_assert(offsetof(struct regs, elr) == 248, "REGS_ELR of vectors.S");
static_assert(sizeof(struct regs) == 272, "a multiple of 16");

struct fp_regs {
    uint64_t q[64];
    uint64_t fpsr;
    uint64_t fpcr;
} __attribute__((aligned(16)));
static_assert(offsetof(struct fp_regs, fpsr) == 512, "FP_STATUS of vectors.S");

#define ID_ROWS 4 /* CRm 4 to 7 */

/* Registers of EL1&0. Valid here only while the vCPU is not loaded; else the hardware has them. */
struct arch_vcpu {
    struct fp_regs fp;
    uint64_t sctlr, ttbr0, ttbr1, tcr, mair, amair, vbar;
    uint64_t esr, far, afsr0, afsr1, elr_el1, spsr_el1, sp_el0, sp_el1;
    uint64_t contextidr, tpidr_el0, tpidrro_el0, tpidr_el1;
    uint64_t cpacr, cntkctl, par, csselr;
    uint64_t pauth[10];
    uint64_t cntv_ctl, cntv_cval, cntvoff;
    bool loaded;
    bool ids_made;
    uint64_t id[ID_ROWS][8]; /* ID_AA64*_EL1 as the guest reads them, if ids_made */
    /* Constant after vcpu_reset(). */
    uint64_t hcr;
    uint64_t vmpidr, vpidr;
};

#define SPSR_EL1H_DAIF UINT64_C(0x3c5)

/* Once per CPU, before any vCPU runs: what EL2 traps, whichever vCPU runs. */
void arch_vcpu_init_cpu(void);

/* Architectural reset state; EL1h with DAIF masked, MMU off, x0-x30 zero. Not loaded. */
void arch_vcpu_reset(struct vcpu *vcpu);

/* Precondition: no vCPU is loaded on this CPU; vcpu->domain->s2 is ready. */
void arch_vcpu_load(struct vcpu *vcpu);

/* Precondition: vcpu is loaded on this CPU. Afterwards no vCPU is. */
void arch_vcpu_save(struct vcpu *vcpu);

/*
 * Exceptions into EL1, as if the instruction at regs.elr had raised them. Precondition: vcpu is
 * loaded on this CPU.
 */
enum inject_fsc {
    FSC_TRANSLATION = 0x04, /* add the level to these three */
    FSC_ACCESS_FLAG = 0x08,
    FSC_PERMISSION = 0x0c,
    FSC_EXTERNAL = 0x10,
    FSC_EXTERNAL_WALK = 0x14, /* add the level */
};

void inject_undef(struct vcpu *vcpu);
void inject_data_abort(struct vcpu *vcpu, va_t far, unsigned int fsc, bool write);
void inject_instruction_abort(struct vcpu *vcpu, va_t far, unsigned int fsc);

/* Registers of a guest by number as an instruction names them: 31 is the zero register. */
static inline uint64_t arch_reg_read(const struct regs *regs, unsigned int n)
{
    return n < 31 ? regs->x[n] : 0;
}

static inline void arch_reg_write(struct regs *regs, unsigned int n, uint64_t value)
{
    if (n < 31)
        regs->x[n] = value;
}

/* V0..V31 of the loaded vCPU, two words each, the low one first; valid until it runs again. */
const uint64_t *arch_vector_regs(struct vcpu *vcpu);

/* vectors.S: run cpu->current. Does not return. */
_Noreturn void guest_enter(void);
