/* SPDX-License-Identifier: Apache-2.0 */
/* The board firmware's PSCI, called by SMC; only if its device tree says so (method "smc"). */
#pragma once

#include "ptwr/base.h"

/* After uart_init(): finds PSCI and a device that powers the board off. */
void firmware_init(const void *fdt);
bool firmware_has_psci(void);
/* PSCI CPU_ON: 0, or PSCI's error; HV_ENOSYS without PSCI. */
int64_t firmware_cpu_on(uint64_t mpidr, pa_t entry, uint64_t context);
/* Power off by PSCI, else by the board's own device; without either parks the CPU. */
_Noreturn void firmware_system_off(void);
