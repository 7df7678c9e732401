/* SPDX-License-Identifier: Apache-2.0 */
/* Latch's hypercalls as functions. Results are latch/abi.h's: negative errors. */
#pragma once

#include <latch/abi.h>

#include "common/types.h"

static inline int64_t hypercall(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
    register uint64_t x0 __asm__("x0") = a0;
    register uint64_t x1 __asm__("x1") = a1;
    register uint64_t x2 __asm__("x2") = a2;
    register uint64_t x3 __asm__("x3") = a3;
    register uint64_t x16 __asm__("x16") = number;

    __asm__ volatile("hvc #0xea1"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x16)
                     :
                     : "x4", "memory", "cc");
    return (int64_t)x0;
}

static inline uint64_t va_of(const volatile void *pointer) { return (uint64_t)(uintptr_t)pointer; }

static inline int64_t hyp_mmu_update(const struct mmu_update *requests, unsigned int count,
                                     unsigned int *done)
{
    return hypercall(__HYPERVISOR_mmu_update, va_of(requests), count, va_of(done), DOMID_SELF);
}

static inline int64_t hyp_mmuext_op(const struct mmuext_op *ops, unsigned int count,
                                    unsigned int *done)
{
    return hypercall(__HYPERVISOR_mmuext_op, va_of(ops), count, va_of(done), DOMID_SELF);
}

static inline int64_t hyp_mmuext(uint32_t cmd, uint64_t arg1)
{
    struct mmuext_op op = {.cmd = cmd, .arg1 = arg1};

    return hyp_mmuext_op(&op, 1, NULL);
}

static inline int64_t hyp_update_va_mapping(const volatile void *va, uint64_t entry, uint64_t flags)
{
    return hypercall(__HYPERVISOR_update_va_mapping, va_of(va), entry, flags, 0);
}

static inline int64_t hyp_vm_assist(uint64_t command, uint64_t type)
{
    return hypercall(__HYPERVISOR_vm_assist, command, type, 0, 0);
}

static inline int64_t hyp_memory_op(uint64_t command, void *argument)
{
    return hypercall(__HYPERVISOR_memory_op, command, va_of(argument), 0, 0);
}

static inline int64_t hyp_console_io(uint64_t command, uint64_t count, const char *buffer)
{
    return hypercall(__HYPERVISOR_console_io, command, count, va_of(buffer), 0);
}

static inline int64_t hyp_xen_version(uint64_t command, void *argument)
{
    return hypercall(__HYPERVISOR_xen_version, command, va_of(argument), 0, 0);
}

static inline int64_t hyp_vcpu_op(uint64_t command, uint64_t vcpu, void *argument)
{
    return hypercall(__HYPERVISOR_vcpu_op, command, vcpu, va_of(argument), 0);
}

static inline int64_t hyp_sched_op(uint64_t command, const void *argument)
{
    return hypercall(__HYPERVISOR_sched_op, command, va_of(argument), 0, 0);
}

static inline int64_t hyp_latch_op(uint64_t command, void *argument, uint64_t size)
{
    return hypercall(__HYPERVISOR_latch_op, command, va_of(argument), size, 0);
}

/* PSCI (DEN0022), by HVC #0: the first result, sign-extended from 32 bits. */
#define PSCI_VERSION      UINT32_C(0x84000000)
#define PSCI_CPU_SUSPEND  UINT32_C(0xc4000001)
#define PSCI_CPU_OFF      UINT32_C(0x84000002)
#define PSCI_CPU_ON       UINT32_C(0xc4000003)
#define PSCI_SYSTEM_OFF   UINT32_C(0x84000008)
#define PSCI_SYSTEM_RESET UINT32_C(0x84000009)

static inline int64_t psci_call(uint32_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a1;
    register uint64_t x2 __asm__("x2") = a2;
    register uint64_t x3 __asm__("x3") = a3;

    /* SMCCC: x4 to x17 may be lost. */
    __asm__ volatile("hvc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :
                     : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                       "x16", "x17", "memory", "cc");
    return (int32_t)x0;
}
