/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trapped system registers of guests: what each read gives and each write does. docs/sysregs.md
 * has the same policy in words. A register that no row names is UNDEFINED to the guest.
 */
#include <arch/gic.h>
#include <arch/idregs.h>
#include <arch/sysreg.h>
#include <arch/trap.h>
#include <arch/vcpu.h>

#include "core/direct_regime.h"
#include "core/domain.h"
#include "core/guarded_regime.h"
#include "core/vcpu.h"
#include "core/vgic.h"

/*
 * op0, op1, CRn, CRm, op2, as the assembler's S<op0>_<op1>_C<n>_C<m>_<op2>, at their places in the
 * syndrome. The rest of it is Rt [9:5] and "read" [0].
 */
#define REG(op0, op1, crn, crm, op2)                                                               \
    (((uint32_t)(op0) << 20) | ((op2) << 17) | ((op1) << 14) | ((crn) << 10) | ((crm) << 1))

#define ISS_REG     REG(3, 7, 15, 15, 7)
#define ISS_RT(iss) (((iss) >> 5) & 31)
#define ISS_READ    1u
/* vectors.S: x20 to x28 stay in the CPU. */
#define FIRST_UNSAVED 20u
#define LAST_UNSAVED  28u

#define REG_CRM(reg) (((reg) >> 1) & 15)
#define REG_OP2(reg) (((reg) >> 17) & 7)

#define ANY_OP2 0x0e0000u
#define ANY_CRM 0x00001eu
#define ANY_CRN 0x003c00u

enum policy {
    UNDEF,
    RAZ_WI,
    OS_LOCK_STATUS,
    SEND_SGI,
    MEMORY_REGIME, /* HCR_EL2.TVM: registers that give descriptors their meaning */
};

struct row {
    uint32_t reg;
    uint32_t any; /* bits of reg that do not count */
    enum policy policy;
};

#define SCTLR_EL1      REG(3, 0, 1, 0, 0)
#define TTBR0_EL1      REG(3, 0, 2, 0, 0)
#define TTBR1_EL1      REG(3, 0, 2, 0, 1)
#define TCR_EL1        REG(3, 0, 2, 0, 2)
#define AFSR0_EL1      REG(3, 0, 5, 1, 0)
#define AFSR1_EL1      REG(3, 0, 5, 1, 1)
#define ESR_EL1        REG(3, 0, 5, 2, 0)
#define FAR_EL1        REG(3, 0, 6, 0, 0)
#define MAIR_EL1       REG(3, 0, 10, 2, 0)
#define AMAIR_EL1      REG(3, 0, 10, 3, 0)
#define CONTEXTIDR_EL1 REG(3, 0, 13, 0, 1)
#define ICC_SGI1R_EL1  REG(3, 0, 12, 11, 5)

#define ID_REGISTERS REG(3, 0, 0, 0, 0) /* any CRm, any op2: read-only */

/* First match counts; what guests use often comes first. */
static const struct row rows[] = {
    {TTBR0_EL1, 0, MEMORY_REGIME},
    {SCTLR_EL1, 0, MEMORY_REGIME},
    {TTBR1_EL1, 0, MEMORY_REGIME},
    {TCR_EL1, 0, MEMORY_REGIME},
    {AFSR0_EL1, 0, MEMORY_REGIME},
    {AFSR1_EL1, 0, MEMORY_REGIME},
    {ESR_EL1, 0, MEMORY_REGIME},
    {FAR_EL1, 0, MEMORY_REGIME},
    {MAIR_EL1, 0, MEMORY_REGIME},
    {AMAIR_EL1, 0, MEMORY_REGIME},
    {CONTEXTIDR_EL1, 0, MEMORY_REGIME},
    {REG(3, 0, 12, 11, 6), 0, SEND_SGI},                       /* ICC_ASGI1R_EL1 */
    {REG(3, 0, 12, 11, 7), 0, SEND_SGI},                       /* ICC_SGI0R_EL1 */
    {REG(3, 0, 1, 0, 1), 0, RAZ_WI},                           /* ACTLR_EL1 */
    {REG(2, 0, 1, 1, 4), 0, OS_LOCK_STATUS},                   /* OSLSR_EL1 */
    {REG(2, 0, 0, 0, 0), ANY_CRN | ANY_CRM | ANY_OP2, RAZ_WI}, /* MDSCR_EL1, DBG*, OSLAR_EL1 ... */
    {REG(2, 3, 0, 0, 0), ANY_CRN | ANY_CRM | ANY_OP2, RAZ_WI}, /* MDCCSR_EL0, DBGDTR* */
    {REG(1, 0, 7, 6, 2), 0, RAZ_WI},                           /* DC ISW */
    {REG(1, 0, 7, 10, 2), 0, RAZ_WI},                          /* DC CSW */
    {REG(1, 0, 7, 14, 2), 0, RAZ_WI},                          /* DC CISW */
};

bool id_has_pauth(void)
{
    return (read_sysreg(id_aa64isar1_el1) & (GENMASK64(11, 4) | GENMASK64(31, 24))) != 0 ||
           (read_sysreg(S3_0_C0_C6_2) & GENMASK64(15, 8)) != 0; /* ID_AA64ISAR2_EL1 */
}

/* The ID registers that do not read as zero: which fields pass, which are set. */
#define FIELD(shift) (UINT64_C(0xf) << (shift))
#define ID_FIRST_CRM 4u

/* EL0 and EL1 in AArch64 only; FP, AdvSIMD, DIT, CSV2, CSV3. */
static uint64_t id_pfr0(void)
{
    uint64_t host = read_sysreg(id_aa64pfr0_el1);
    uint64_t value = 0x11 | (host & (FIELD(16) | FIELD(20) | FIELD(48) | FIELD(60)));

    if (id_field(host, 56) != 0)
        value |= UINT64_C(1) << 56; /* CSV2 2 and 3 come with SCXTNUM_ELx, which is not switched */
    if (gic_version() == 3)
        value |= host & FIELD(ID_PFR0_GIC);
    return value;
}

/* BTI changes descriptors (GP), so direct guests do without; SSBS. */
static uint64_t id_pfr1(bool plain)
{
    return read_sysreg(id_aa64pfr1_el1) & (FIELD(4) | (plain ? FIELD(0) : 0));
}

/* Debug architecture Armv8 with the smallest number of break- and watchpoints; no PMU, no trace. */
static uint64_t id_dfr0(void) { return 6 | (UINT64_C(1) << 12) | (UINT64_C(1) << 20); }

static uint64_t id_isar0(void) { return read_sysreg(id_aa64isar0_el1) & ~FIELD(24); /* TME */ }

/* All but XS and LS64, which need HCRX_EL2. */
static uint64_t id_isar1(void) { return read_sysreg(id_aa64isar1_el1) & ~(FIELD(56) | FIELD(60)); }

/* RPRES, GPA3, APA3, BC, PAC_frac, CLRBHB. Hidden: WFxT, MOPS and what is newer. */
static uint64_t id_isar2(void)
{
    return read_sysreg(S3_0_C0_C6_2) &
           (FIELD(4) | FIELD(8) | FIELD(12) | FIELD(20) | FIELD(24) | FIELD(28));
}

/* PARange that covers the domain's IPAs and no more than the CPU's. */
static uint64_t pa_range(const struct domain *d, uint64_t host)
{
    static const unsigned int bits[] = {32, 36, 40, 42, 44, 48};
    unsigned int i = 0;

    while (i < ARRAY_SIZE(bits) - 1 && bits[i] < d->s2.ipa_bits)
        i++;
    return i < id_field(host, 0) ? i : id_field(host, 0);
}

/* ASIDBits; 4 KiB granule without LPA2; 16 and 64 KiB ones for plain guests only. */
static uint64_t id_mmfr0(const struct domain *d, bool plain)
{
    uint64_t host = read_sysreg(id_aa64mmfr0_el1);
    uint64_t value = pa_range(d, host) | (host & FIELD(4));

    if (!plain)
        return value | FIELD(24); /* TGran64: 15 is no; TGran16: 0 is no */
    if (id_field(host, 20) != 0)
        value |= UINT64_C(1) << 20;
    return value | (host & FIELD(24));
}

/* PAN, ETS, AFP, nTLBPA, ECBHB; plain guests: HAFDBS (AF and DBM), HPDS. */
static uint64_t id_mmfr1(bool plain)
{
    uint64_t host = read_sysreg(id_aa64mmfr1_el1);
    uint64_t value = host & (FIELD(20) | FIELD(36) | FIELD(44) | FIELD(48) | FIELD(60));

    if (!plain)
        return value;
    value |= id_field(host, 0) > 2 ? 2 : id_field(host, 0);
    if (id_field(host, 12) != 0)
        value |= UINT64_C(1) << 12;
    return value;
}

/* UAO, LSM, CCIDX, AT, IDS, TTL, E0PD; plain guests: VARange, ST, BBM. Not CnP. */
static uint64_t id_mmfr2(bool plain)
{
    uint64_t pass = FIELD(4) | FIELD(8) | FIELD(20) | FIELD(32) | FIELD(36) | FIELD(48) | FIELD(60);

    if (plain)
        pass |= FIELD(16) | FIELD(28) | FIELD(52);
    return read_sysreg(id_aa64mmfr2_el1) & pass;
}

static uint64_t make_id(const struct domain *d, uint32_t reg)
{
    bool plain = d->kind == DOMAIN_PLAIN;

    switch (reg) {
    case REG(3, 0, 0, 4, 0):
        return id_pfr0();
    case REG(3, 0, 0, 4, 1):
        return id_pfr1(plain);
    case REG(3, 0, 0, 5, 0):
        return id_dfr0();
    case REG(3, 0, 0, 6, 0):
        return id_isar0();
    case REG(3, 0, 0, 6, 1):
        return id_isar1();
    case REG(3, 0, 0, 6, 2):
        return id_isar2();
    case REG(3, 0, 0, 7, 0):
        return id_mmfr0(d, plain);
    case REG(3, 0, 0, 7, 1):
        return id_mmfr1(plain);
    case REG(3, 0, 0, 7, 2):
        return id_mmfr2(plain);
    default:
        return 0;
    }
}

/* Not inlined: it happens once, and its stack frame is large. */
__attribute__((noinline)) static void make_ids(struct vcpu *vcpu)
{
    struct arch_vcpu *a = &vcpu->arch;

    for (unsigned int i = 0; i < ID_ROWS; i++) {
        for (unsigned int op2 = 0; op2 < 8; op2++)
            a->id[i][op2] = make_id(vcpu->domain, REG(3, 0, 0, ID_FIRST_CRM + i, op2));
    }
    a->ids_made = true;
}

/* CRm 0 to 3 are AArch32's: zero. */
static uint64_t id_register(struct vcpu *vcpu, uint32_t reg)
{
    unsigned int row = REG_CRM(reg) - ID_FIRST_CRM;

    if (row >= ID_ROWS)
        return 0;
    if (!vcpu->arch.ids_made)
        make_ids(vcpu);
    return vcpu->arch.id[row][REG_OP2(reg)];
}

/*
 * Those that TVM traps although nothing has to be checked. AMAIR_EL1 is not among them: what its
 * IMPLEMENTATION DEFINED bits do to a walk is not known, so it keeps its value.
 */
static void write_through(uint32_t reg, uint64_t value)
{
    switch (reg) {
    case AFSR0_EL1:
        write_sysreg(value, afsr0_el1);
        break;
    case AFSR1_EL1:
        write_sysreg(value, afsr1_el1);
        break;
    case ESR_EL1:
        write_sysreg(value, esr_el1);
        break;
    case FAR_EL1:
        write_sysreg(value, far_el1);
        break;
    case CONTEXTIDR_EL1:
        write_sysreg(value, contextidr_el1);
        break;
    default:
        break;
    }
}

static bool regime_register(struct vcpu *vcpu, enum regime_reg reg, uint64_t value)
{
    if (vcpu->domain->kind == DOMAIN_GUARDED)
        return guarded_regime_write(vcpu, reg, value);
    return direct_regime_write(vcpu, reg, value);
}

/* TVM is not set for plain domains. False: the instruction is not to be stepped over. */
static bool memory_regime_write(struct vcpu *vcpu, uint32_t reg, uint64_t value)
{
    switch (reg) {
    case SCTLR_EL1:
        return regime_register(vcpu, REGIME_SCTLR, value);
    case TTBR0_EL1:
        return regime_register(vcpu, REGIME_TTBR0, value);
    case TTBR1_EL1:
        return regime_register(vcpu, REGIME_TTBR1, value);
    case TCR_EL1:
        return regime_register(vcpu, REGIME_TCR, value);
    case MAIR_EL1:
        return regime_register(vcpu, REGIME_MAIR, value);
    default:
        write_through(reg, value);
        return true;
    }
}

static enum policy find_policy(uint32_t reg)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if ((reg & ~rows[i].any) == rows[i].reg)
            return rows[i].policy;
    }
    return UNDEF;
}

__attribute__((noinline)) static void sysreg_read(struct vcpu *vcpu, uint32_t reg, unsigned int rt)
{
    uint64_t value = 0;

    /* Most of what guests read, so it does not wait for its turn in the table. */
    if ((reg & ~(ANY_CRM | ANY_OP2)) == ID_REGISTERS) {
        arch_reg_write(&vcpu->regs, rt, id_register(vcpu, reg));
        trap_advance(vcpu);
        return;
    }
    switch (find_policy(reg)) {
    case OS_LOCK_STATUS:
        value = BIT64(3); /* implemented, unlocked */
        break;
    case RAZ_WI:
        break;
    case SEND_SGI:
    case MEMORY_REGIME:
    case UNDEF:
    default:
        inject_undef(vcpu);
        return;
    }
    arch_reg_write(&vcpu->regs, rt, value);
    trap_advance(vcpu);
}

static void sysreg_write(struct vcpu *vcpu, uint32_t reg, uint64_t value)
{
    if (reg == ICC_SGI1R_EL1) {
        trap_advance(vcpu);
        vgic_sgi1r(vcpu, value);
        return;
    }
    switch (find_policy(reg)) {
    case RAZ_WI:
        break;
    case SEND_SGI:
        vgic_sgi1r(vcpu, value);
        break;
    case MEMORY_REGIME:
        if (!memory_regime_write(vcpu, reg, value))
            return;
        break;
    case OS_LOCK_STATUS:
    case UNDEF:
    default:
        inject_undef(vcpu);
        return;
    }
    trap_advance(vcpu);
}

/*
 * What a guarded guest's context switch writes, which HCR_EL2.TVM traps: from any register that is
 * saved already.
 */
bool trap_sysreg_quick(struct vcpu *vcpu, uint64_t esr)
{
    uint32_t iss = (uint32_t)esr;
    unsigned int rt = ISS_RT(iss);
    uint64_t value;
    bool done;

    if (vcpu->domain->kind != DOMAIN_GUARDED || rt - FIRST_UNSAVED <= LAST_UNSAVED - FIRST_UNSAVED)
        return false;
    value = arch_reg_read(&vcpu->regs, rt);
    switch (iss & (ISS_REG | ISS_READ)) {
    case TTBR0_EL1:
        done = guarded_regime_quick(vcpu, REGIME_TTBR0, value);
        break;
    case TTBR1_EL1:
        done = guarded_regime_quick(vcpu, REGIME_TTBR1, value);
        break;
    case CONTEXTIDR_EL1:
        write_sysreg(value, contextidr_el1);
        done = true;
        break;
    default:
        return false;
    }
    if (done)
        vcpu->regs.elr += 4;
    return done;
}

void sysreg_trap(struct vcpu *vcpu, uint32_t iss)
{
    if ((iss & ISS_READ) != 0)
        sysreg_read(vcpu, iss & ISS_REG, ISS_RT(iss));
    else
        sysreg_write(vcpu, iss & ISS_REG, arch_reg_read(&vcpu->regs, ISS_RT(iss)));
}
