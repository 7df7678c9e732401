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

/* A PSCI function is its number above one of these, by the width of its arguments. */
#define PSCI_BASE_32            UINT32_C(0x84000000)
#define PSCI_BASE_64            UINT32_C(0xc4000000)
#define PSCI_VERSION            0x0
#define PSCI_CPU_SUSPEND        0x1
#define PSCI_CPU_OFF            0x2
#define PSCI_CPU_ON             0x3
#define PSCI_AFFINITY_INFO      0x4
#define PSCI_MIGRATE_INFO_TYPE  0x6
#define PSCI_SYSTEM_OFF         0x8
#define PSCI_SYSTEM_RESET       0x9
#define PSCI_FEATURES           0xa
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
#define PSCI_ON_PENDING         (-5)
#define PSCI_INTERNAL_FAILURE   (-6)
#define PSCI_INVALID_ADDRESS    (-9)

#define SMCCC_NOT_SUPPORTED  (-1)
#define SMCCC_NOT_REQUIRED   1    /* of ARCH_FEATURES for ARCH_WORKAROUND_1 and _3 */
#define SMCCC_2_NOT_REQUIRED (-2) /* of ARCH_FEATURES for ARCH_WORKAROUND_2 */

#define MIGRATE_NOT_NEEDED 2 /* no trusted OS that would have to move */

static void answer(struct vcpu *vcpu, int64_t result) { vcpu->regs.x[0] = (uint64_t)result; }

/* A vCPU's Aff0 is its number, its other affinities are 0: MPIDR_EL1, which has RES1 bits beside.
 */
static struct vcpu *find_vcpu(const struct domain *d, uint64_t affinity)
{
    return affinity < d->nr_vcpus ? d->vcpu[affinity] : NULL;
}

/*
 * Calls of a vCPU's or the domain's life find the domain's page tables connected. False: the
 * guest makes the call once more, or has been stopped for what was in them.
 */
static bool is_quiet(struct vcpu *vcpu)
{
    if (vcpu->domain->kind == DOMAIN_PLAIN || paging_quiesce(vcpu))
        return true;
    vcpu->regs.elr -= 4;
    return false;
}

static void version(struct vcpu *vcpu) { answer(vcpu, PSCI_1_1); }

/* The last vCPU that is on cannot go: nobody could ever turn one on again. */
static void cpu_off(struct vcpu *vcpu)
{
    enum hv_err err;

    if (!is_quiet(vcpu))
        return;
    err = domain_leave_vcpu(vcpu);
    if (err == HV_EBUSY)
        answer(vcpu, PSCI_DENIED);
    else if (err == HV_EAGAIN)
        vcpu->regs.elr -= 4;
    /* Else it does not return, or its domain has been stopped. */
}

static void migrate_info_type(struct vcpu *vcpu) { answer(vcpu, MIGRATE_NOT_NEEDED); }

static void cpu_on_64(struct vcpu *vcpu)
{
    struct vcpu *target = find_vcpu(vcpu->domain, vcpu->regs.x[1]);
    enum hv_err err;

    if (!is_quiet(vcpu))
        return;
    if (target == NULL) {
        answer(vcpu, PSCI_INVALID_PARAMETERS);
        return;
    }
    err = domain_start_vcpu(vcpu, target, vcpu->regs.x[2], vcpu->regs.x[3]);
    if (err == HV_EAGAIN)
        vcpu->regs.elr -= 4;
    else if (err == HV_OK)
        answer(vcpu, PSCI_SUCCESS);
    else if (err == HV_EFAULT)
        answer(vcpu, PSCI_INVALID_ADDRESS);
    else if (err != HV_EBUSY)
        answer(vcpu, PSCI_INTERNAL_FAILURE);
    else if (vcpu_power(target) == POWER_ON_PENDING)
        answer(vcpu, PSCI_ON_PENDING);
    else
        answer(vcpu, PSCI_ALREADY_ON);
}

/* AFFINITY_INFO's results */
#define AFFINITY_ON         0
#define AFFINITY_OFF        1
#define AFFINITY_ON_PENDING 2

static int64_t affinity_state(const struct vcpu *target)
{
    switch (vcpu_power(target)) {
    case POWER_OFF:
        return AFFINITY_OFF;
    case POWER_ON_PENDING:
        return AFFINITY_ON_PENDING;
    case POWER_ON:
    case POWER_LEAVING:
    default:
        return AFFINITY_ON;
    }
}

static void affinity_info_64(struct vcpu *vcpu)
{
    const struct vcpu *target = find_vcpu(vcpu->domain, vcpu->regs.x[1]);

    if (vcpu->regs.x[2] != 0 || target == NULL)
        answer(vcpu, PSCI_INVALID_PARAMETERS);
    else
        answer(vcpu, affinity_state(target));
}

/* A 32-bit call does not see the upper halves of its arguments. */
static void cut_arguments(struct vcpu *vcpu)
{
    vcpu->regs.x[1] &= UINT32_MAX;
    vcpu->regs.x[2] &= UINT32_MAX;
    vcpu->regs.x[3] &= UINT32_MAX;
}

static void cpu_on_32(struct vcpu *vcpu)
{
    cut_arguments(vcpu);
    cpu_on_64(vcpu);
}

static void affinity_info_32(struct vcpu *vcpu)
{
    cut_arguments(vcpu);
    affinity_info_64(vcpu);
}

/* A standby state: returns with the next interrupt, everything kept. */
static void cpu_suspend(struct vcpu *vcpu)
{
    if (!is_quiet(vcpu))
        return;
    answer(vcpu, PSCI_SUCCESS);
    if (!vgic_has_pending(vcpu))
        sched_block(vcpu);
}

static void system_off(struct vcpu *vcpu)
{
    if (is_quiet(vcpu))
        domain_end(vcpu->domain);
}

static void system_reset(struct vcpu *vcpu)
{
    if (!is_quiet(vcpu))
        return;
    domain_restart(vcpu->domain);
}

static void features(struct vcpu *vcpu);

/*
 * The calls by their numbers. A table, for these are a guest's cheapest traps, and it is the same
 * few instructions for all of them.
 */
static void (*const psci_32[])(struct vcpu *vcpu) = {
    [PSCI_VERSION] = version,
    [PSCI_CPU_SUSPEND] = cpu_suspend,
    [PSCI_CPU_OFF] = cpu_off,
    [PSCI_CPU_ON] = cpu_on_32,
    [PSCI_AFFINITY_INFO] = affinity_info_32,
    [PSCI_MIGRATE_INFO_TYPE] = migrate_info_type,
    [PSCI_SYSTEM_OFF] = system_off,
    [PSCI_SYSTEM_RESET] = system_reset,
    [PSCI_FEATURES] = features,
};

static void (*const psci_64[])(struct vcpu *vcpu) = {
    [PSCI_CPU_SUSPEND] = cpu_suspend,
    [PSCI_CPU_ON] = cpu_on_64,
    [PSCI_AFFINITY_INFO] = affinity_info_64,
};

static void features(struct vcpu *vcpu)
{
    uint32_t function = (uint32_t)vcpu->regs.x[1];
    uint32_t n32 = function - PSCI_BASE_32;
    uint32_t n64 = function - PSCI_BASE_64;
    bool known = function == SMCCC_VERSION || (n32 < ARRAY_SIZE(psci_32) && psci_32[n32] != NULL) ||
                 (n64 < ARRAY_SIZE(psci_64) && psci_64[n64] != NULL);

    answer(vcpu, known ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED);
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

static void smccc(struct vcpu *vcpu, uint32_t function)
{
    switch (function) {
    case SMCCC_VERSION:
        answer(vcpu, SMCCC_1_1);
        break;
    case SMCCC_ARCH_FEATURES:
        answer(vcpu, arch_features((uint32_t)vcpu->regs.x[1]));
        break;
    case SMCCC_VENDOR_CALL_COUNT:
        answer(vcpu, 3);
        break;
    case SMCCC_VENDOR_UID:
        vendor_uid(vcpu);
        break;
    case SMCCC_VENDOR_REVISION:
        vcpu->regs.x[1] = 1; /* minor; major is the result */
        answer(vcpu, 0);
        break;
    default:
        answer(vcpu, SMCCC_NOT_SUPPORTED);
        break;
    }
}

void psci_call(struct vcpu *vcpu)
{
    uint32_t function = (uint32_t)vcpu->regs.x[0];
    uint32_t n32 = function - PSCI_BASE_32;
    uint32_t n64 = function - PSCI_BASE_64;

    if (n32 < ARRAY_SIZE(psci_32) && psci_32[n32] != NULL)
        psci_32[n32](vcpu);
    else if (n64 < ARRAY_SIZE(psci_64) && psci_64[n64] != NULL)
        psci_64[n64](vcpu);
    else
        smccc(vcpu, function);
}
