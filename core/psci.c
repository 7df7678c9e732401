/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSCI 1.1 (DEN0022) and SMCCC 1.1 (DEN0028) for guests. Nothing here reaches the firmware: a guest
 * turns off or restarts itself, never the machine.
 */
#include "core/psci.h"

#include <arch/sysreg.h>

#include "core/domain.h"
#include "core/sched.h"
#include "core/vcpu.h"
#include "core/vgic.h"

#define PSCI_VERSION            UINT32_C(0x84000000)
#define PSCI_CPU_SUSPEND        UINT32_C(0x84000001)
#define PSCI_CPU_SUSPEND_64     UINT32_C(0xc4000001)
#define PSCI_CPU_OFF            UINT32_C(0x84000002)
#define PSCI_CPU_ON             UINT32_C(0x84000003)
#define PSCI_CPU_ON_64          UINT32_C(0xc4000003)
#define PSCI_AFFINITY_INFO      UINT32_C(0x84000004)
#define PSCI_AFFINITY_INFO_64   UINT32_C(0xc4000004)
#define PSCI_MIGRATE_INFO_TYPE  UINT32_C(0x84000006)
#define PSCI_SYSTEM_OFF         UINT32_C(0x84000008)
#define PSCI_SYSTEM_RESET       UINT32_C(0x84000009)
#define PSCI_FEATURES           UINT32_C(0x8400000a)
#define SMCCC_VERSION           UINT32_C(0x80000000)
#define SMCCC_ARCH_FEATURES     UINT32_C(0x80000001)
#define SMCCC_ARCH_WORKAROUND_1 UINT32_C(0x80008000)
#define SMCCC_ARCH_WORKAROUND_2 UINT32_C(0x80007fff)
#define SMCCC_ARCH_WORKAROUND_3 UINT32_C(0x80003fff)
#define SMCCC_VENDOR_CALL_COUNT UINT32_C(0x8600ff00)
#define SMCCC_VENDOR_UID        UINT32_C(0x8600ff01)
#define SMCCC_VENDOR_REVISION   UINT32_C(0x8600ff03)

#define PSCI_1_1  0x10001
#define SMCCC_1_1 0x10001

#define PSCI_SUCCESS            0
#define PSCI_NOT_SUPPORTED      (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_DENIED             (-3)
#define PSCI_ALREADY_ON         (-4)

#define SMCCC_NOT_SUPPORTED  (-1)
#define SMCCC_NOT_REQUIRED   1    /* of ARCH_FEATURES for ARCH_WORKAROUND_1 and _3 */
#define SMCCC_2_NOT_REQUIRED (-2) /* of ARCH_FEATURES for ARCH_WORKAROUND_2 */

#define MIGRATE_NOT_NEEDED 2 /* no trusted OS that would have to move */

/* MPIDR_EL1's affinity fields, as CPU_ON and AFFINITY_INFO name a CPU. */
#define AFFINITY_MASK (GENMASK64(39, 32) | GENMASK64(23, 0))

static struct vcpu *find_vcpu(struct domain *d, uint64_t affinity)
{
    for (unsigned int i = 0; i < d->nr_vcpus; i++) {
        if ((d->vcpu[i]->arch.vmpidr & AFFINITY_MASK) == affinity)
            return d->vcpu[i];
    }
    return NULL;
}

/* vCPUs that could be off do not exist yet: a domain has one. */
static int64_t cpu_on(struct vcpu *vcpu, uint64_t affinity)
{
    return find_vcpu(vcpu->domain, affinity) != NULL ? PSCI_ALREADY_ON : PSCI_INVALID_PARAMETERS;
}

static int64_t affinity_info(struct vcpu *vcpu, uint64_t affinity, uint64_t level)
{
    const struct vcpu *target = find_vcpu(vcpu->domain, affinity);

    if (level != 0 || target == NULL)
        return PSCI_INVALID_PARAMETERS;
    return target->state == VCPU_OFF ? 1 : 0;
}

/* A standby state: returns with the next interrupt, everything kept. */
static int64_t cpu_suspend(struct vcpu *vcpu)
{
    if (!vgic_has_pending(vcpu))
        sched_block(vcpu);
    return PSCI_SUCCESS;
}

static int64_t psci_features(uint32_t function)
{
    switch (function) {
    case PSCI_VERSION:
    case PSCI_CPU_SUSPEND:
    case PSCI_CPU_SUSPEND_64:
    case PSCI_CPU_OFF:
    case PSCI_CPU_ON:
    case PSCI_CPU_ON_64:
    case PSCI_AFFINITY_INFO:
    case PSCI_AFFINITY_INFO_64:
    case PSCI_MIGRATE_INFO_TYPE:
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET:
    case PSCI_FEATURES:
    case SMCCC_VERSION:
        return PSCI_SUCCESS;
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

/*
 * Arm cores without branch target injection across contexts and without speculative store bypass
 * or branch history problems, by Arm's list: Cortex-A34, A35, A53, A55. All others may need more
 * than Latch gives, and are told so.
 */
static bool core_needs_nothing(void)
{
    static const uint16_t part[] = {0xd02, 0xd04, 0xd03, 0xd05};
    uint64_t midr = read_sysreg(midr_el1);

    if (midr >> 24 != 0x41)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(part); i++) {
        if (((midr >> 4) & 0xfff) == part[i])
            return true;
    }
    return false;
}

static int64_t arch_features(uint32_t function)
{
    switch (function) {
    case SMCCC_VERSION:
    case SMCCC_ARCH_FEATURES:
        return 0;
    case SMCCC_ARCH_WORKAROUND_1:
    case SMCCC_ARCH_WORKAROUND_3:
        return core_needs_nothing() ? SMCCC_NOT_REQUIRED : SMCCC_NOT_SUPPORTED;
    case SMCCC_ARCH_WORKAROUND_2:
        return core_needs_nothing() ? SMCCC_2_NOT_REQUIRED : SMCCC_NOT_SUPPORTED;
    default:
        return SMCCC_NOT_SUPPORTED;
    }
}

/* "We are Latch": 5d1a4c2e-8b0f-4e6d-9a37-c1f2e4b86a90, as four words in SMCCC's byte order. */
static void vendor_uid(struct vcpu *vcpu)
{
    vcpu->regs.x[0] = 0x2e4c1a5d;
    vcpu->regs.x[1] = 0x6d4e0f8b;
    vcpu->regs.x[2] = 0xf2c1379a;
    vcpu->regs.x[3] = 0x906ab8e4;
}

static int64_t system_call(struct vcpu *vcpu, uint32_t function)
{
    struct domain *d = vcpu->domain;

    if (function == PSCI_SYSTEM_OFF) {
        domain_end(d);
    } else {
        d->reset_pending = true;
        sched_yield(vcpu);
    }
    return PSCI_SUCCESS;
}

static int64_t dispatch(struct vcpu *vcpu, uint32_t function)
{
    const uint64_t *x = vcpu->regs.x;

    switch (function) {
    case PSCI_VERSION:
        return PSCI_1_1;
    case PSCI_FEATURES:
        return psci_features((uint32_t)x[1]);
    case PSCI_CPU_SUSPEND:
    case PSCI_CPU_SUSPEND_64:
        return cpu_suspend(vcpu);
    case PSCI_CPU_OFF:
        return PSCI_DENIED; /* the only vCPU: SYSTEM_OFF is meant */
    case PSCI_CPU_ON:
        return cpu_on(vcpu, (uint32_t)x[1]);
    case PSCI_CPU_ON_64:
        return cpu_on(vcpu, x[1]);
    case PSCI_AFFINITY_INFO:
        return affinity_info(vcpu, (uint32_t)x[1], (uint32_t)x[2]);
    case PSCI_AFFINITY_INFO_64:
        return affinity_info(vcpu, x[1], x[2]);
    case PSCI_MIGRATE_INFO_TYPE:
        return MIGRATE_NOT_NEEDED;
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET:
        return system_call(vcpu, function);
    case SMCCC_VERSION:
        return SMCCC_1_1;
    case SMCCC_ARCH_FEATURES:
        return arch_features((uint32_t)x[1]);
    case SMCCC_VENDOR_CALL_COUNT:
        return 3;
    case SMCCC_VENDOR_REVISION:
        vcpu->regs.x[1] = 1; /* minor; major is the result */
        return 0;
    default:
        return SMCCC_NOT_SUPPORTED;
    }
}

void psci_call(struct vcpu *vcpu)
{
    uint32_t function = (uint32_t)vcpu->regs.x[0];

    if (function == SMCCC_VENDOR_UID) {
        vendor_uid(vcpu);
        return;
    }
    vcpu->regs.x[0] = (uint64_t)dispatch(vcpu, function);
}
