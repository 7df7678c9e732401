/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What direct and guarded domains have in common: page tables that Latch validates, and the reports
 * of what it refused.
 */
#pragma once

#include <arch/ptwr_port.h>

#include <latch/abi.h>

#include "ptwr/ptwr.h"

struct domain;
struct vcpu;

struct paging {
    struct ptwr ptwr;
    struct paging_port port;
    struct latch_refusal refusal; /* the last one */
    uint64_t report_from;         /* reports are limited: start of the period, */
    unsigned int reports;         /* shown in it, */
    unsigned int unreported;      /* and not */
};

/* EL2's pointer to a frame's first byte. Precondition: the frame is the domain's. */
static inline uint8_t *paging_page(const struct paging *paging, mfn_t mfn)
{
    return (uint8_t *)(uintptr_t)(paging->port.view + mfn_to_pa(mfn).raw);
}

/* The port of a domain whose stage 2 has inputs of `ipa_bits`, WALK being the top one. */
void paging_make_port(struct domain *d, unsigned int ipa_bits);

/*
 * The engine, by the domain's configuration, with nothing typed. Precondition: the port is made.
 * HV_ENOMEM.
 */
NODISCARD
enum hv_err paging_make_engine(struct domain *d, struct frame_table *frames);

/* Bit n: attribute n of this MAIR_EL1 value is Normal memory. */
uint8_t paging_normal_attrs(uint64_t mair);

/* Is each attribute of it one that the architecture defines without features that are hidden? */
bool paging_mair_is_defined(uint64_t mair);

/* The vCPU is descheduled while it is still loaded: its open tables are protected. */
void paging_preempt(struct vcpu *vcpu, enum ptwr_trigger why);

/*
 * Reconnect all open tables; a violation in them is reported. HV_OK; HV_EAGAIN: go back to the
 * guest, to the same instruction; HV_EPERM: it has been stopped. Precondition: the lock is held.
 */
NODISCARD
enum hv_err paging_sync(struct vcpu *vcpu, enum ptwr_trigger why, unsigned int *budget);

/*
 * Before the guest ends, restarts or starts a vCPU by a call of its own: true if all its tables are
 * connected again. Else the call is to be repeated, or the domain has been stopped.
 */
bool paging_quiesce(struct vcpu *vcpu);

/* The guest broke a rule and latch,guard-action says that this ends it. */
void paging_crash(struct vcpu *vcpu);
