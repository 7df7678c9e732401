/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A direct guest's memory by virtual address, as Latch itself uses it: arguments of hypercalls,
 * instructions to decode. Always by Latch's own walk of the guest's tables, never by AT, for AT
 * may fill the TLB with what no walk of the guest would find.
 *
 * All of these return HV_OK; HV_EFAULT; HV_EAGAIN: a table on the way was open, go back to the
 * guest, to the same instruction; HV_EPERM: the domain has been stopped. Precondition: the domain's
 * lock is held and the vCPU is loaded.
 */
#pragma once

#include "ptwr/ptwr.h"

struct vcpu;

/* Open tables on the way are reconnected first. The address may have a tag. */
NODISCARD
enum hv_err guest_translate(struct vcpu *vcpu, va_t va, struct ptwr_walk *walk,
                            unsigned int *budget);

/*
 * Copy in what EL1 can read. Aligned 64-bit words, or else aligned 32-bit words
 * (instructions), are read once, by single-copy atomic loads; of other bytes each is read once.
 */
NODISCARD
enum hv_err guest_read(struct vcpu *vcpu, va_t from, void *to, size_t size, unsigned int *budget);

/* Could all of this be written now? Nothing is changed, and later it may be otherwise. */
NODISCARD
enum hv_err guest_can_write(struct vcpu *vcpu, va_t to, size_t size, unsigned int *budget);

/*
 * Copy out to what EL1 can write: plain memory of the domain's own, not page tables nor the m2p. A
 * fault in the middle leaves the part before it written.
 */
NODISCARD
enum hv_err guest_write(struct vcpu *vcpu, va_t to, const void *from, size_t size,
                        unsigned int *budget);
