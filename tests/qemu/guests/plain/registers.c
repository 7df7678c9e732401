/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills every register that is switched between vCPUs with values of its own (the command line
 * starts them), lets a neighbour run that does the same, and looks whether they are still there.
 */
#include "check.h"
#include "plain/dtb.h"
#include "plain/timer.h"

#define ROUNDS 4

void fill_vectors(uint64_t seed);
uint64_t compare_vectors(uint64_t seed);
uint64_t hold_general(uint64_t seed, uint64_t rounds);

/* X(register, its bits that hold anything). With the MMU off none of them disturbs us. */
#define REGISTERS(X)                                                                               \
    X(tpidr_el0, ~UINT64_C(0))                                                                     \
    X(tpidrro_el0, ~UINT64_C(0))                                                                   \
    X(tpidr_el1, ~UINT64_C(0))                                                                     \
    X(ttbr0_el1, GENMASK64(35, 12))                                                                \
    X(ttbr1_el1, GENMASK64(35, 12))                                                                \
    X(tcr_el1, GENMASK64(5, 0) | GENMASK64(21, 16))                                                \
    X(mair_el1, ~UINT64_C(0))                                                                      \
    X(contextidr_el1, GENMASK64(31, 0))                                                            \
    X(esr_el1, GENMASK64(31, 0))                                                                   \
    X(far_el1, ~UINT64_C(0))                                                                       \
    X(elr_el1, ~UINT64_C(0))                                                                       \
    X(spsr_el1, GENMASK64(31, 28))                                                                 \
    X(sp_el0, ~UINT64_C(0))                                                                        \
    X(csselr_el1, GENMASK64(1, 1))                                                                 \
    X(cntkctl_el1, GENMASK64(1, 0) | GENMASK64(9, 8))                                              \
    X(par_el1, GENMASK64(35, 12))                                                                  \
    X(cntv_cval_el0, ~UINT64_C(0))

#define KEYS(X)                                                                                    \
    X(S3_0_C2_C1_0)                                                                                \
    X(S3_0_C2_C1_1)                                                                                \
    X(S3_0_C2_C1_2)                                                                                \
    X(S3_0_C2_C1_3)                                                                                \
    X(S3_0_C2_C2_0)                                                                                \
    X(S3_0_C2_C2_1)                                                                                \
    X(S3_0_C2_C2_2)                                                                                \
    X(S3_0_C2_C2_3)                                                                                \
    X(S3_0_C2_C3_0)                                                                                \
    X(S3_0_C2_C3_1)

/* Spreads the bits of a small seed, another way for each register. */
static uint64_t value_for(uint64_t seed, unsigned int n)
{
    return (seed + n) * UINT64_C(0x9e3779b97f4a7c15);
}

static bool has_pauth(void)
{
    return (read_sysreg(id_aa64isar1_el1) & (GENMASK64(11, 4) | GENMASK64(31, 24))) != 0 ||
           (read_sysreg(S3_0_C0_C6_2) & GENMASK64(15, 8)) != 0;
}

static void fill(uint64_t seed)
{
    unsigned int n = 0;

#define WRITE(name, mask) write_sysreg(value_for(seed, n++) & (mask), name);
    REGISTERS(WRITE)
#undef WRITE
    if (has_pauth()) {
#define WRITE(name) write_sysreg(value_for(seed, n++), name);
        KEYS(WRITE)
#undef WRITE
    }
    isb();
    fill_vectors(seed);
}

/* How many registers changed; says the first one. */
static unsigned int changed(uint64_t seed)
{
    unsigned int wrong = 0, n = 0;

    if (compare_vectors(seed) != 0) {
        print("vector registers: %lu\n", compare_vectors(seed));
        wrong++;
    }
#define COMPARE(name, mask)                                                                        \
    if ((read_sysreg(name) & (mask)) != (value_for(seed, n++) & (mask)) && wrong++ == 0)           \
        print("%s: 0x%lx\n", #name, read_sysreg(name));
    REGISTERS(COMPARE)
#undef COMPARE
    if (has_pauth()) {
#define COMPARE(name)                                                                              \
    if (read_sysreg(name) != value_for(seed, n++) && wrong++ == 0)                                 \
        print("%s: 0x%lx\n", #name, read_sysreg(name));
        KEYS(COMPARE)
#undef COMPARE
    }
    return wrong;
}

/* Until somebody else had the CPU in between, so that the registers left it and came back. */
static void wait_for_switch(void)
{
    uint64_t before = timer_now();

    for (;;) {
        uint64_t now = timer_now();

        if (now - before > timer_ms(1))
            return;
        before = now;
    }
}

void guest_main(uint64_t dtb)
{
    uint64_t seed = (uint8_t)dtb_bootargs(dtb)[0];
    unsigned int wrong = 0;
    uint64_t general = 0;

    print("seed %lu, pauth %u\n", seed, (unsigned int)has_pauth());
    for (unsigned int i = 0; i < ROUNDS; i++) {
        fill(seed * 1000 + i);
        wait_for_switch();
        wrong += changed(seed * 1000 + i);
    }
    check_equal("system and vector registers", wrong, 0);
    for (unsigned int i = 0; i < 2; i++)
        general += hold_general(value_for(seed, i), 10000000);
    check_equal("general registers", general, 0);
    check_end();
}
