/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypercalls, one function each, and what they have in common. Private to hypercall*.c.
 *
 * A call decodes: it copies its arguments once and checks them all; then it performs. A long one
 * stops when its budget is spent, writes how far it is into the guest's x0..x4, and returns
 * HYPERCALL_AGAIN: the guest is left before its HVC, takes its interrupts, and calls again without
 * noticing. What a guest makes of those registers meanwhile, it does to itself.
 */
#pragma once

#include <latch/abi.h>

#include "core/vcpu.h"
#include "ptwr/ptwr.h"

#define HYPERCALL_AGAIN INT64_MIN

/* In the 32-bit argument that has room for it: this call goes on, and a register has its count. */
#define HYPERCALL_CONTINUED UINT32_C(0x80000000)

/* An error of the engine, or HV_OK, as a call's result. */
static inline int64_t hypercall_result(enum hv_err err)
{
    return err == HV_EAGAIN ? HYPERCALL_AGAIN : err;
}

static inline void hypercall_spend(unsigned int *budget, unsigned int amount)
{
    *budget = *budget > amount ? *budget - amount : 0;
}

/*
 * May the caller name this domain in a request? HV_OK: itself, by DOMID_SELF. HV_EPERM: another, or
 * itself by its number. HV_ESRCH: there is none.
 */
NODISCARD
enum hv_err hypercall_domid(uint64_t domid);

/*
 * Which vCPUs a guest wants flushed: the 64 bits at `pointer`, of which those without a vCPU mean
 * nothing. HV_EINVAL: not 8-byte aligned; else as guest_read(). Precondition: the lock is held.
 */
NODISCARD
enum hv_err hypercall_vcpu_mask(struct vcpu *vcpu, uint64_t pointer, uint64_t *mask,
                                unsigned int *budget);

/*
 * Flush everything, or one address. All vCPUs: TLBI by broadcast costs no more than one of them
 * alone. Precondition: the lock is held.
 */
void hypercall_flush(struct vcpu *vcpu, unsigned int *budget);
void hypercall_flush_va(struct vcpu *vcpu, va_t va);

int64_t hypercall_mmu_update(struct vcpu *vcpu);
int64_t hypercall_mmuext_op(struct vcpu *vcpu);
int64_t hypercall_update_va_mapping(struct vcpu *vcpu);
int64_t hypercall_memory_op(struct vcpu *vcpu);
int64_t hypercall_vcpu_op(struct vcpu *vcpu);
