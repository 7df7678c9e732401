/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSCI as the board's firmware offers it (DEN0022), by SMC. Without a psci node that says so no SMC
 * is executed: firmware may have disabled it, and then it is undefined at EL2. A board without PSCI
 * may have a device that powers it off.
 */
#include <arch/psci.h>

#include <libfdt.h>

#include <arch/barrier.h>
#include <arch/bcm2835_pm.h>
#include <arch/uart.h>

#include "core/string.h"

#define PSCI_SYSTEM_OFF UINT64_C(0x84000008)
#define PSCI_CPU_ON_64  UINT64_C(0xc4000003)

static bool available;

void firmware_init(const void *fdt)
{
    int node = fdt_path_offset(fdt, "/psci");
    int length;
    const char *method = fdt_getprop(fdt, node, "method", &length);

    available = method != NULL && length == 4 && memcmp(method, "smc", 4) == 0;
    bcm2835_pm_init(fdt);
}

bool firmware_has_psci(void) { return available; }

static int64_t smc(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a1;
    register uint64_t x2 __asm__("x2") = a2;
    register uint64_t x3 __asm__("x3") = a3;

    __asm__ volatile("smc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                       "x16", "x17", "memory");
    return (int64_t)x0;
}

int64_t firmware_cpu_on(uint64_t mpidr, pa_t entry, uint64_t context)
{
    return available ? smc(PSCI_CPU_ON_64, mpidr, entry.raw, context) : HV_ENOSYS;
}

void firmware_system_off(void)
{
    uart_drain();
    if (available)
        smc(PSCI_SYSTEM_OFF, 0, 0, 0);
    bcm2835_pm_off();
    for (;;)
        wfi();
}
