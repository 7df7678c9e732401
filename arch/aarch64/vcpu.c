/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The EL1&0 side of a vCPU: reset state, switching, traps that are always on, exceptions into EL1.
 */
#include <arch/vcpu.h>

#include <arch/asm_offsets.h>
#include <arch/barrier.h>
#include <arch/idregs.h>
#include <arch/sysreg.h>
#include <arch/timer.h>

#include "core/domain.h"
#include "core/string.h"
#include "core/vcpu.h"

static_assert(offsetof(struct regs, elr) == REGS_ELR, "vectors.S");
static_assert(offsetof(struct fp_regs, fpsr) == FP_STATUS, "vectors.S");

void fp_save(struct fp_regs *fp);       /* vectors.S */
void fp_load(const struct fp_regs *fp); /* vectors.S */

/* No stage-1 walk starts while these are set, whatever VTTBR_EL2 says. */
#define TCR_NO_WALKS (BIT64(7) | BIT64(23)) /* EPD0, EPD1 */

/* SCTLR_EL1 out of reset: the bits that are RES1 on an Armv8.0 CPU. */
#define SCTLR_EL1_RESET UINT64_C(0x30d00800)
#define SCTLR_EL1_M     BIT64(0)
#define SCTLR_EL1_SPAN  BIT64(23)
#define SCTLR_EL1_DSSBS BIT64(44)

#define HCR_VM        BIT64(0)
#define HCR_SWIO      BIT64(1)
#define HCR_FMO       BIT64(3)
#define HCR_IMO       BIT64(4)
#define HCR_AMO       BIT64(5)
#define HCR_FB        BIT64(9)
#define HCR_BSU_INNER BIT64(10)
#define HCR_TWI       BIT64(13)
#define HCR_TID3      BIT64(18)
#define HCR_TSC       BIT64(19)
#define HCR_TIDCP     BIT64(20)
#define HCR_TACR      BIT64(21)
#define HCR_TSW       BIT64(22)
#define HCR_TVM       BIT64(26)
#define HCR_RW        BIT64(31)
#define HCR_TLOR      BIT64(35)
#define HCR_TERR      BIT64(36)
#define HCR_APK       BIT64(40)
#define HCR_API       BIT64(41)
#define HCR_FWB       BIT64(46)

#define HCR_BASE                                                                                   \
    (HCR_VM | HCR_SWIO | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | HCR_BSU_INNER | HCR_TID3 |         \
     HCR_TSC | HCR_TIDCP | HCR_TACR | HCR_TSW | HCR_TWI | HCR_RW)

/* CPTR_EL2, E2H = 0: SVE, SME, AMU and trace trap; FP does not. The rest is RES1. */
#define CPTR_BASE (BIT64(30) | BIT64(20) | UINT64_C(0x33ff))

/* MDCR_EL2: debug (TDRA, TDOSA, TDA), PMU (TPM, TPMCR), trace filter. SPE and TRBE are EL2's. */
#define MDCR_BASE (BIT64(19) | BIT64(11) | BIT64(10) | BIT64(9) | BIT64(6) | BIT64(5))

#define CNTHCTL_EL1PCTEN BIT64(0) /* CNTPCT may be read; CNTP_* traps */

#define SPSR_NZCV GENMASK64(31, 28)
#define SPSR_DIT  BIT64(24)
#define SPSR_PAN  BIT64(22)
#define SPSR_SSBS BIT64(12)
#define SPSR_A32  BIT64(4)
#define SPSR_MODE GENMASK64(3, 0)
#define SPSR_EL0T 0
#define SPSR_EL1T 4

static bool has_pauth; /* of the boot CPU; CPUs of one board that differ are not supported */

static void init_fine_traps(void)
{
    if (id_field(read_sysreg(id_aa64mmfr1_el1), ID_MMFR1_HCX) != 0)
        write_sysreg(0, S3_4_C1_C2_2); /* HCRX_EL2 */
    if (id_field(read_sysreg(id_aa64mmfr0_el1), ID_MMFR0_FGT) == 0)
        return;
    write_sysreg(0, S3_4_C1_C1_4); /* HFGRTR_EL2 */
    write_sysreg(0, S3_4_C1_C1_5); /* HFGWTR_EL2 */
    write_sysreg(0, S3_4_C1_C1_6); /* HFGITR_EL2 */
    write_sysreg(0, S3_4_C3_C1_4); /* HDFGRTR_EL2 */
    write_sysreg(0, S3_4_C3_C1_5); /* HDFGWTR_EL2 */
}

void arch_vcpu_init_cpu(void)
{
    uint64_t pmu = id_field(read_sysreg(id_aa64dfr0_el1), ID_DFR0_PMUVER);
    uint64_t counters = 0;

    has_pauth = id_has_pauth();
    if (pmu != 0 && pmu != 0xf)
        counters = (read_sysreg(pmcr_el0) >> 11) & 0x1f;
    write_sysreg(MDCR_BASE | counters, mdcr_el2);
    write_sysreg(CPTR_BASE, cptr_el2);
    write_sysreg(0, hstr_el2);
    write_sysreg(CNTHCTL_EL1PCTEN, cnthctl_el2);
    write_sysreg(0, mdscr_el1);
    write_sysreg(0, actlr_el1);
    init_fine_traps();
    write_sysreg(TCR_NO_WALKS, tcr_el1);
    write_sysreg(SCTLR_EL1_RESET | SCTLR_EL1_M, sctlr_el1);
    isb();
}

void arch_vcpu_reset(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;

    memset(&vcpu->regs, 0, sizeof(vcpu->regs));
    memset(a, 0, sizeof(*a));
    vcpu->regs.spsr = SPSR_EL1H_DAIF;
    a->sctlr = SCTLR_EL1_RESET;
    a->cntvoff = vcpu->domain->cntvoff;
    a->hcr = HCR_BASE;
    if (id_field(read_sysreg(id_aa64mmfr1_el1), ID_MMFR1_LO) != 0)
        a->hcr |= HCR_TLOR;
    if (id_field(read_sysreg(id_aa64pfr0_el1), ID_PFR0_RAS) != 0)
        a->hcr |= HCR_TERR;
    if (id_has_pauth())
        a->hcr |= HCR_APK | HCR_API;
    if (s2_forces_write_back())
        a->hcr |= HCR_FWB;
    if (vcpu->domain->kind != DOMAIN_PLAIN)
        a->hcr |= HCR_TVM;
    a->vpidr = read_sysreg(midr_el1);
    a->vmpidr = BIT64(31) | vcpu->id;
}

static void pauth_save(uint64_t key[10])
{
    key[0] = read_sysreg(S3_0_C2_C1_0);
    key[1] = read_sysreg(S3_0_C2_C1_1);
    key[2] = read_sysreg(S3_0_C2_C1_2);
    key[3] = read_sysreg(S3_0_C2_C1_3);
    key[4] = read_sysreg(S3_0_C2_C2_0);
    key[5] = read_sysreg(S3_0_C2_C2_1);
    key[6] = read_sysreg(S3_0_C2_C2_2);
    key[7] = read_sysreg(S3_0_C2_C2_3);
    key[8] = read_sysreg(S3_0_C2_C3_0);
    key[9] = read_sysreg(S3_0_C2_C3_1);
}

static void pauth_load(const uint64_t key[10])
{
    write_sysreg(key[0], S3_0_C2_C1_0);
    write_sysreg(key[1], S3_0_C2_C1_1);
    write_sysreg(key[2], S3_0_C2_C1_2);
    write_sysreg(key[3], S3_0_C2_C1_3);
    write_sysreg(key[4], S3_0_C2_C2_0);
    write_sysreg(key[5], S3_0_C2_C2_1);
    write_sysreg(key[6], S3_0_C2_C2_2);
    write_sysreg(key[7], S3_0_C2_C2_3);
    write_sysreg(key[8], S3_0_C2_C3_0);
    write_sysreg(key[9], S3_0_C2_C3_1);
}

static void el1_save(struct arch_vcpu *a)
{
    a->sctlr = read_sysreg(sctlr_el1);
    a->ttbr0 = read_sysreg(ttbr0_el1);
    a->ttbr1 = read_sysreg(ttbr1_el1);
    a->tcr = read_sysreg(tcr_el1);
    a->mair = read_sysreg(mair_el1);
    a->amair = read_sysreg(amair_el1);
    a->vbar = read_sysreg(vbar_el1);
    a->esr = read_sysreg(esr_el1);
    a->far = read_sysreg(far_el1);
    a->afsr0 = read_sysreg(afsr0_el1);
    a->afsr1 = read_sysreg(afsr1_el1);
    a->elr_el1 = read_sysreg(elr_el1);
    a->spsr_el1 = read_sysreg(spsr_el1);
    a->sp_el0 = read_sysreg(sp_el0);
    a->sp_el1 = read_sysreg(sp_el1);
    a->contextidr = read_sysreg(contextidr_el1);
    a->tpidr_el0 = read_sysreg(tpidr_el0);
    a->tpidrro_el0 = read_sysreg(tpidrro_el0);
    a->tpidr_el1 = read_sysreg(tpidr_el1);
    a->cpacr = read_sysreg(cpacr_el1);
    a->cntkctl = read_sysreg(cntkctl_el1);
    a->par = read_sysreg(par_el1);
    a->csselr = read_sysreg(csselr_el1);
}

/* All but SCTLR_EL1 and TCR_EL1. */
static void el1_load(const struct arch_vcpu *a)
{
    write_sysreg(a->ttbr0, ttbr0_el1);
    write_sysreg(a->ttbr1, ttbr1_el1);
    write_sysreg(a->mair, mair_el1);
    write_sysreg(a->amair, amair_el1);
    write_sysreg(a->vbar, vbar_el1);
    write_sysreg(a->esr, esr_el1);
    write_sysreg(a->far, far_el1);
    write_sysreg(a->afsr0, afsr0_el1);
    write_sysreg(a->afsr1, afsr1_el1);
    write_sysreg(a->elr_el1, elr_el1);
    write_sysreg(a->spsr_el1, spsr_el1);
    write_sysreg(a->sp_el0, sp_el0);
    write_sysreg(a->sp_el1, sp_el1);
    write_sysreg(a->contextidr, contextidr_el1);
    write_sysreg(a->tpidr_el0, tpidr_el0);
    write_sysreg(a->tpidrro_el0, tpidrro_el0);
    write_sysreg(a->tpidr_el1, tpidr_el1);
    write_sysreg(a->cpacr, cpacr_el1);
    write_sysreg(a->cntkctl, cntkctl_el1);
    write_sysreg(a->par, par_el1);
    write_sysreg(a->csselr, csselr_el1);
}

/*
 * VTTBR_EL2 changes while no stage-1 walk can start (EPD0, EPD1) and nothing is translated with
 * stage 1 off (M): else the CPU could fill its TLB with one domain's stage 1 under another's VMID.
 * arch_vcpu_save() leaves those bits set for the next load.
 */
void arch_vcpu_load(struct vcpu *vcpu)
{
    const struct arch_vcpu *a = &vcpu->arch;

    s2_load(&vcpu->domain->s2);
    write_sysreg(a->hcr, hcr_el2);
    write_sysreg(a->vpidr, vpidr_el2);
    write_sysreg(a->vmpidr, vmpidr_el2);
    el1_load(a);
    isb();
    write_sysreg(a->sctlr, sctlr_el1);
    isb();
    write_sysreg(a->tcr, tcr_el1);
    if (has_pauth)
        pauth_load(a->pauth);
    fp_load(&a->fp);
    vcpu->arch.loaded = true;
}

void arch_vcpu_save(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;

    a->loaded = false;
    fp_save(&a->fp);
    if (has_pauth)
        pauth_save(a->pauth);
    el1_save(a);
    write_sysreg(TCR_NO_WALKS, tcr_el1);
    isb();
    write_sysreg(SCTLR_EL1_RESET | SCTLR_EL1_M, sctlr_el1);
    isb();
}

/* What is not loaded has room for what is. */
const uint64_t *arch_vector_regs(struct vcpu *vcpu)
{
    fp_save(&vcpu->arch.fp);
    return vcpu->arch.fp.q;
}

/* Arm ARM D1.3, "Exception entry": the parts of PSTATE that an exception to EL1 changes. */
static uint64_t entry_pstate(uint64_t spsr)
{
    uint64_t sctlr = read_sysreg(sctlr_el1);
    uint64_t pstate = (spsr & (SPSR_NZCV | SPSR_DIT | SPSR_PAN)) | SPSR_EL1H_DAIF;

    if ((sctlr & SCTLR_EL1_SPAN) == 0 && id_field(read_sysreg(id_aa64mmfr1_el1), ID_MMFR1_PAN) != 0)
        pstate |= SPSR_PAN;
    if ((sctlr & SCTLR_EL1_DSSBS) != 0 && id_field(read_sysreg(id_aa64pfr1_el1), ID_PFR1_SSBS) != 0)
        pstate |= SPSR_SSBS;
    return pstate;
}

static uint64_t vector_offset(uint64_t spsr)
{
    if ((spsr & SPSR_A32) != 0)
        return 0x600;
    switch (spsr & SPSR_MODE) {
    case SPSR_EL0T:
        return 0x400;
    case SPSR_EL1T:
        return 0x000;
    default:
        return 0x200;
    }
}

static bool from_el0(uint64_t spsr)
{
    return (spsr & SPSR_A32) != 0 || (spsr & SPSR_MODE) == SPSR_EL0T;
}

static void inject_sync(struct vcpu *vcpu, uint64_t esr)
{
    struct regs *regs = &vcpu->regs;

    write_sysreg(esr, esr_el1);
    write_sysreg(regs->elr, elr_el1);
    write_sysreg(regs->spsr, spsr_el1);
    regs->elr = read_sysreg(vbar_el1) + vector_offset(regs->spsr);
    regs->spsr = entry_pstate(regs->spsr);
}

#define ESR_IL           BIT64(25)
#define ESR_EC_SHIFT     26
#define EC_IABT_FROM_EL0 UINT64_C(0x20) /* from EL1: one more */
#define EC_DABT_FROM_EL0 UINT64_C(0x24)

void inject_undef(struct vcpu *vcpu) { inject_sync(vcpu, ESR_IL); }

void inject_data_abort(struct vcpu *vcpu, va_t far, unsigned int fsc, bool write)
{
    uint64_t ec = EC_DABT_FROM_EL0 + !from_el0(vcpu->regs.spsr);

    write_sysreg(far.raw, far_el1);
    inject_sync(vcpu, (ec << ESR_EC_SHIFT) | ESR_IL | (write ? BIT64(6) : 0) | fsc);
}

void inject_instruction_abort(struct vcpu *vcpu, va_t far, unsigned int fsc)
{
    uint64_t ec = EC_IABT_FROM_EL0 + !from_el0(vcpu->regs.spsr);

    write_sysreg(far.raw, far_el1);
    inject_sync(vcpu, (ec << ESR_EC_SHIFT) | ESR_IL | fsc);
}
