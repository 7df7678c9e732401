/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI (DEN0022) and SMCCC (DEN0028) calls. */
#pragma once

#include "common/types.h"

#define PSCI_VERSION        UINT32_C(0x84000000)
#define PSCI_CPU_SUSPEND    UINT32_C(0xc4000001)
#define PSCI_CPU_OFF        UINT32_C(0x84000002)
#define PSCI_CPU_ON         UINT32_C(0xc4000003)
#define PSCI_AFFINITY_INFO  UINT32_C(0xc4000004)
#define PSCI_MIGRATE_INFO   UINT32_C(0x84000006)
#define PSCI_SYSTEM_OFF     UINT32_C(0x84000008)
#define PSCI_SYSTEM_RESET   UINT32_C(0x84000009)
#define PSCI_FEATURES       UINT32_C(0x8400000a)
#define SMCCC_VERSION       UINT32_C(0x80000000)
#define SMCCC_ARCH_FEATURES UINT32_C(0x80000001)

/* The first of four results, sign-extended from 32 bits: what PSCI's and SMCCC's errors are. */
int64_t hvc_call(uint32_t function, uint64_t a1, uint64_t a2, uint64_t a3);
int64_t smc_call(uint32_t function, uint64_t a1, uint64_t a2, uint64_t a3);

NORETURN void psci_off(void);
NORETURN void psci_reset(void);
