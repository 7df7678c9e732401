/* SPDX-License-Identifier: Apache-2.0 */
/* A trap from a guest, taken apart once, as the C code wants to see it. */
#pragma once

#include "ptwr/base.h"

struct vcpu;

#define EC_UNKNOWN    0x00
#define EC_WFX        0x01
#define EC_HVC64      0x16
#define EC_SMC64      0x17
#define EC_SYSREG     0x18
#define EC_IABT_LOWER 0x20
#define EC_DABT_LOWER 0x24

#define ISS_FSC(iss)      ((unsigned int)(iss)&0x3f)
#define ISS_FSC_KIND_MASK 0x3cu /* FSC_TRANSLATION ... without the level */
#define ISS_FSC_KIND(iss) ((unsigned int)(iss)&ISS_FSC_KIND_MASK)
#define ISS_DABT_WNR      BIT64(6)
#define ISS_ABT_S1PTW     BIT64(7)
#define ISS_DABT_CM       BIT64(8)
#define ISS_DABT_AR       BIT64(14) /* acquire or release */
#define ISS_DABT_SF       BIT64(15)
#define ISS_DABT_SRT(iss) ((unsigned int)((iss) >> 16) & 0x1f)
#define ISS_DABT_SSE      BIT64(21)
#define ISS_DABT_SAS(iss) ((unsigned int)((iss) >> 22) & 3)
#define ISS_DABT_ISV      BIT64(24)

struct trap {
    unsigned int ec;
    uint32_t iss;
    uint64_t esr;
    va_t far;
    ipa_t ipa;      /* see ipa_valid; page offset is FAR's, or 0 with S1PTW */
    bool ipa_valid; /* HPFAR_EL2 is UNKNOWN on permission faults other than S1PTW's */
    bool instruction;
};

/* Step over the trapped instruction. */
void trap_advance(struct vcpu *vcpu);

/* Nothing is there: a synchronous external abort, on the walk if it was one. */
void trap_inject_external(struct vcpu *vcpu, const struct trap *trap);

/* A trapped MRS or MSR (EC 0x18). */
void sysreg_trap(struct vcpu *vcpu, uint32_t iss);

/*
 * From vectors.S. In trap_hvc(), trap_sysreg_quick() and trap_irq() x20-x28 of the guest are in the
 * CPU, not in vcpu->regs. What they make pending for the vCPU goes to it on the way out:
 * cpu->refill.
 */
void trap_hvc(struct vcpu *vcpu, uint64_t esr);
void trap_full(struct vcpu *vcpu, uint64_t esr);
/* False: nothing has happened, trap_full() is to be called. */
bool trap_sysreg_quick(struct vcpu *vcpu, uint64_t esr);
void trap_irq(struct vcpu *vcpu);
void trap_serror(struct vcpu *vcpu, uint64_t esr);
