/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/sysregs.md row by row: what is undefined, what reads zero and ignores writes, what passes.
 * The names in the checks are those of the document.
 */
#include "check.h"
#include "plain/timer.h"

static volatile unsigned int undefined;
static volatile uint64_t other_esr;

void guest_exception(struct exception *e)
{
    if (ESR_EC(e->esr) == EC_UNKNOWN)
        undefined++;
    else
        other_esr = e->esr;
    e->elr += 4;
}

/* Was exactly one instruction undefined, and nothing else wrong, since the last question? */
static void verdict(const char *name, const char *way, unsigned int wanted)
{
    bool good = undefined == wanted && other_esr == 0;

    if (!good)
        print("%s %s: undefined %u times, other ESR 0x%lx\n", name, way, undefined, other_esr);
    check(name, good);
    undefined = 0;
    other_esr = 0;
}

#define UNDEF_READ(name)                                                                           \
    do {                                                                                           \
        (void)read_sysreg(name);                                                                   \
        verdict(#name " read", "is UNDEF", 1);                                                     \
    } while (false)
#define UNDEF_WRITE(name)                                                                          \
    do {                                                                                           \
        write_sysreg(0, name);                                                                     \
        verdict(#name " write", "is UNDEF", 1);                                                    \
    } while (false)
#define UNDEF(name)                                                                                \
    do {                                                                                           \
        UNDEF_READ(name);                                                                          \
        UNDEF_WRITE(name);                                                                         \
    } while (false)
#define UNDEF_INSTRUCTION(name, code)                                                              \
    do {                                                                                           \
        __asm__ volatile(".inst " #code ::: "memory");                                             \
        verdict(name, "is UNDEF", 1);                                                              \
    } while (false)
#define IGNORED(name)                                                                              \
    do {                                                                                           \
        write_sysreg(UINT64_MAX, name);                                                            \
        verdict(#name " write", "is ignored", 0);                                                  \
    } while (false)
#define RAZ_WI(name)                                                                               \
    do {                                                                                           \
        write_sysreg(UINT64_MAX, name);                                                            \
        isb();                                                                                     \
        check_equal(#name " reads zero", read_sysreg(name), 0);                                    \
        verdict(#name " write", "is ignored", 0);                                                  \
    } while (false)
#define PASSES(name)                                                                               \
    do {                                                                                           \
        (void)read_sysreg(name);                                                                   \
        verdict(#name " read", "passes", 0);                                                       \
    } while (false)

static void timers(void)
{
    UNDEF(cntp_ctl_el0);
    UNDEF(cntp_cval_el0);
    UNDEF(cntp_tval_el0);
    PASSES(cntpct_el0);
    PASSES(cntvct_el0);
    PASSES(cntfrq_el0);
    PASSES(cntv_tval_el0);
}

static void implementation_defined(void)
{
    RAZ_WI(actlr_el1);
    UNDEF(S3_0_C11_C0_0);
    UNDEF(S3_1_C11_C0_2); /* L2CTLR_EL1 of the Cortex-A72 */
    UNDEF(S3_0_C15_C0_0);
    UNDEF(S3_0_C15_C1_2);
    UNDEF(S3_1_C15_C2_1); /* CPUECTLR_EL1 of the Cortex-A53 */
    UNDEF(S3_1_C15_C2_0); /* CPUACTLR_EL1 of the Cortex-A72 */
    UNDEF(S3_7_C15_C2_0);
    __asm__ volatile("sys #0, c11, c0, #0, x0");
    verdict("SYS CRn 11", "is UNDEF", 1);
    __asm__ volatile("sys #0, c15, c0, #0, x0");
    verdict("SYS CRn 15", "is UNDEF", 1);
}

static void debug(void)
{
    RAZ_WI(mdscr_el1);
    RAZ_WI(dbgbvr0_el1);
    RAZ_WI(dbgbcr0_el1);
    RAZ_WI(dbgwvr0_el1);
    RAZ_WI(dbgwcr1_el1);
    RAZ_WI(osdlr_el1);
    RAZ_WI(mdccint_el1);
    RAZ_WI(S2_3_C0_C5_0); /* DBGDTRRX_EL0, DBGDTRTX_EL0 */
    IGNORED(oslar_el1);
    check_equal("oslsr_el1: implemented, unlocked", read_sysreg(oslsr_el1), 8);
    check_equal("mdccsr_el0 reads zero", read_sysreg(mdccsr_el0), 0);
    verdict("OS lock and comms status", "pass", 0);
}

static void performance(void)
{
    UNDEF(pmcr_el0);
    UNDEF(pmcntenset_el0);
    UNDEF(pmccntr_el0);
    UNDEF(pmuserenr_el0);
    UNDEF(pmselr_el0);
    UNDEF(pmxevtyper_el0);
    UNDEF(pmevcntr0_el0);
    UNDEF(pmccfiltr_el0);
    UNDEF(pmintenset_el1);
    UNDEF(S3_0_C9_C9_0);       /* PMSCR_EL1 */
    UNDEF(S3_0_C9_C10_0);      /* PMBLIMITR_EL1 */
    UNDEF(S3_0_C9_C11_0);      /* TRBLIMITR_EL1 */
    UNDEF(S3_0_C1_C2_1);       /* TRFCR_EL1 */
    UNDEF(S2_1_C0_C1_0);       /* TRCPRGCTLR */
    UNDEF(S3_3_C13_C2_0);      /* AMCR_EL0 */
    UNDEF_READ(S3_3_C13_C4_0); /* AMEVCNTR00_EL0 */
}

static void vectors(void)
{
    /* CPACR_EL1.ZEN and SMEN: the guest itself asks for no trap. */
    write_sysreg(read_sysreg(cpacr_el1) | GENMASK64(17, 16) | GENMASK64(25, 24), cpacr_el1);
    isb();
    UNDEF(S3_0_C1_C2_0);  /* ZCR_EL1 */
    UNDEF(S3_0_C1_C2_6);  /* SMCR_EL1 */
    UNDEF(S3_3_C4_C2_2);  /* SVCR */
    UNDEF(S3_3_C13_C0_5); /* TPIDR2_EL0 */
    UNDEF(S3_3_C4_C4_2);  /* FPMR */
    UNDEF_INSTRUCTION("SVE: PTRUE P0.B", 0x2518e3e0);
    UNDEF_INSTRUCTION("SVE: RDVL X0, #1", 0x04bf5020);
    UNDEF_INSTRUCTION("SME: SMSTART", 0xd503477f);
}

static void newer(void)
{
    UNDEF(S3_0_C5_C3_1);       /* ERRSELR_EL1 */
    UNDEF(S3_0_C5_C4_2);       /* ERXSTATUS_EL1 */
    UNDEF(S3_0_C10_C4_0);      /* LORSA_EL1 */
    UNDEF(S3_0_C10_C4_3);      /* LORC_EL1 */
    UNDEF_READ(S3_0_C10_C4_7); /* LORID_EL1 */
    UNDEF(S3_0_C1_C0_6);       /* GCR_EL1 */
    UNDEF(S3_0_C1_C0_5);       /* RGSR_EL1 */
    UNDEF(S3_0_C5_C6_0);       /* TFSR_EL1 */
    UNDEF(S3_0_C5_C6_1);       /* TFSRE0_EL1 */
    UNDEF(S3_0_C2_C0_3);       /* TCR2_EL1 */
    UNDEF(S3_0_C1_C0_3);       /* SCTLR2_EL1 */
    UNDEF(S3_0_C10_C2_3);      /* PIR_EL1 */
    UNDEF(S3_0_C10_C2_4);      /* POR_EL1 */
    UNDEF(S3_0_C13_C0_7);      /* SCXTNUM_EL1 */
    UNDEF(S3_3_C13_C0_7);      /* SCXTNUM_EL0 */
    UNDEF(S3_0_C4_C3_1);       /* ALLINT */
}

/* Nothing of EL2 or EL3 is within reach. */
static void higher_levels(void)
{
    UNDEF(hcr_el2);
    UNDEF(vttbr_el2);
    UNDEF(vbar_el2);
    UNDEF(cnthctl_el2);
    UNDEF(cntvoff_el2);
    UNDEF(tpidr_el2);
    UNDEF(S3_5_C1_C0_0);       /* SCTLR_EL12 */
    UNDEF(S3_6_C1_C1_0);       /* SCR_EL3 */
    UNDEF(S3_4_C12_C11_0);     /* ICH_HCR_EL2 */
    UNDEF_WRITE(S3_0_C0_C0_0); /* MIDR_EL1 */
    UNDEF_WRITE(S3_0_C0_C4_0); /* ID_AA64PFR0_EL1 */
    UNDEF_INSTRUCTION("HVC #1", 0xd4000022);
    UNDEF_INSTRUCTION("HVC #0xffff", 0xd41fffe2);
    UNDEF_INSTRUCTION("SMC #1", 0xd4000023);
    __asm__ volatile("tlbi alle1");
    verdict("TLBI ALLE1", "is UNDEF", 1);
    __asm__ volatile("tlbi ipas2e1is, x0");
    verdict("TLBI IPAS2E1IS", "is UNDEF", 1);
    __asm__ volatile("at s12e1r, x0");
    verdict("AT S12E1R", "is UNDEF", 1);
}

/* Set and way of any cache, and what a guest may do by address. */
static void maintenance(void)
{
    static uint64_t line[8] __attribute__((aligned(64)));
    uint64_t address = (uintptr_t)line;

    line[0] = 0x600d;
    for (uint64_t way = 0; way < 4; way++) {
        for (uint64_t set = 0; set < 16; set++) {
            uint64_t operand = way << 30 | set << 6;

            __asm__ volatile("dc isw, %0\n dc csw, %0\n dc cisw, %0" ::"r"(operand) : "memory");
        }
    }
    verdict("DC ISW, CSW, CISW", "are ignored", 0);
    check_equal("DC ISW, CSW, CISW: memory kept", *(volatile uint64_t *)line, 0x600d);
    __asm__ volatile("dc cvac, %0\n dc civac, %0\n dc cvau, %0\n ic ivau, %0" ::"r"(address));
    __asm__ volatile("ic iallu\n ic ialluis\n dsb sy");
    verdict("DC and IC by address", "pass", 0);
    __asm__ volatile(
        "tlbi vmalle1\n tlbi vmalle1is\n tlbi vae1is, xzr\n tlbi aside1, xzr\n dsb sy");
    verdict("TLBI of EL1", "passes", 0);
    __asm__ volatile("at s1e1r, %0\n isb" ::"r"(address));
    verdict("AT S1E1R", "passes", 0);
    check_equal("AT S1E1R: with the MMU off, itself", read_sysreg(par_el1) & GENMASK64(47, 12),
                address & GENMASK64(47, 12));
    check_equal("AT S1E1R: no fault", read_sysreg(par_el1) & 1, 0);
    __asm__ volatile("sev\n wfe\n yield");
    verdict("WFE", "passes", 0);
}

static void passing(void)
{
    check_equal("mpidr_el1: the first vCPU", read_sysreg(mpidr_el1), BIT64(31));
    PASSES(midr_el1);
    PASSES(revidr_el1);
    PASSES(aidr_el1);
    PASSES(ctr_el0);
    PASSES(dczid_el0);
    PASSES(clidr_el1);
    PASSES(ccsidr_el1);
    PASSES(id_aa64pfr0_el1);
    check_equal("reserved ID register reads zero", read_sysreg(S3_0_C0_C7_7), 0);
    check_equal("id_pfr0_el1 reads zero", read_sysreg(id_pfr0_el1), 0);
    check_equal("mvfr0_el1 reads zero", read_sysreg(mvfr0_el1), 0);
    verdict("ID registers", "pass", 0);
}

void guest_main(uint64_t dtb)
{
    (void)dtb;
    check("virtual counter starts with the domain", timer_now() < timer_ms(1000));
    timers();
    implementation_defined();
    debug();
    performance();
    vectors();
    newer();
    higher_levels();
    maintenance();
    passing();
    check_end();
}
