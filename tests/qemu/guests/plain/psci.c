/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI 1.1 and SMCCC as the guest's firmware, by HVC and by SMC. Ends by SYSTEM_OFF by SMC. */
#include "check.h"
#include "plain/gic.h"
#include "plain/psci.h"
#include "plain/timer.h"

#define NOT_SUPPORTED      (-1)
#define INVALID_PARAMETERS (-2)
#define DENIED             (-3)
#define ALREADY_ON         (-4)

static int64_t call(bool smc, uint32_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return smc ? smc_call(function, a1, a2, a3) : hvc_call(function, a1, a2, a3);
}

static void is(const char *what, int64_t got, int64_t wanted)
{
    check_equal(what, (uint64_t)got, (uint64_t)wanted);
}

/* Suspend is standby: back with the timer's interrupt, which need not be taken. */
static void suspend(bool smc)
{
    uint64_t deadline = timer_now() + timer_ms(10);

    timer_set(deadline);
    is("suspend", call(smc, PSCI_CPU_SUSPEND, 0, 0, 0), 0);
    check("suspend: woken by the timer", timer_now() >= deadline);
    timer_stop();
    gic_clear_pending(TIMER_INTID);
}

static void calls(bool smc)
{
    print("by %s\n", smc ? "SMC" : "HVC");
    is("version", call(smc, PSCI_VERSION, 0, 0, 0), 0x10001);
    is("features: off", call(smc, PSCI_FEATURES, PSCI_SYSTEM_OFF, 0, 0), 0);
    is("features: reset", call(smc, PSCI_FEATURES, PSCI_SYSTEM_RESET, 0, 0), 0);
    is("features: cpu_on", call(smc, PSCI_FEATURES, PSCI_CPU_ON, 0, 0), 0);
    is("features: suspend", call(smc, PSCI_FEATURES, PSCI_CPU_SUSPEND, 0, 0), 0);
    is("features: SMCCC", call(smc, PSCI_FEATURES, SMCCC_VERSION, 0, 0), 0);
    is("features: unknown", call(smc, PSCI_FEATURES, 0x8400001f, 0, 0), NOT_SUPPORTED);
    is("cpu_on: itself", call(smc, PSCI_CPU_ON, 0, 0x40100000, 0), ALREADY_ON);
    is("cpu_on: nobody", call(smc, PSCI_CPU_ON, 1, 0x40100000, 0), INVALID_PARAMETERS);
    is("affinity_info: on", call(smc, PSCI_AFFINITY_INFO, 0, 0, 0), 0);
    is("affinity_info: nobody", call(smc, PSCI_AFFINITY_INFO, 7, 0, 0), INVALID_PARAMETERS);
    is("affinity_info: level", call(smc, PSCI_AFFINITY_INFO, 0, 1, 0), INVALID_PARAMETERS);
    is("migrate: no trusted OS", call(smc, PSCI_MIGRATE_INFO, 0, 0, 0), 2);
    is("cpu_off: refused, the only one", call(smc, PSCI_CPU_OFF, 0, 0, 0), DENIED);
    is("SMCCC: version", call(smc, SMCCC_VERSION, 0, 0, 0), 0x10001);
    is("SMCCC: features", call(smc, SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0), 0);
    is("SMCCC: no such feature", call(smc, SMCCC_ARCH_FEATURES, 0x80007ffe, 0, 0), NOT_SUPPORTED);
    is("no such call", call(smc, 0x8400ffff, 0, 0, 0), NOT_SUPPORTED);
    is("no secure monitor", call(smc, 0xb2000000, 0, 0, 0), NOT_SUPPORTED);
    suspend(smc);
}

void guest_main(uint64_t dtb)
{
    (void)dtb;
    gic_init();
    gic_enable(TIMER_INTID);
    calls(false);
    calls(true);
    check_end();
    smc_call(PSCI_SYSTEM_OFF, 0, 0, 0);
    print("FAIL still here after SYSTEM_OFF\n");
}
