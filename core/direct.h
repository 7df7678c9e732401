/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct domains: guests that hold machine addresses in page tables which Latch validates. This is
 * their life; direct_build.c makes what they find at the start, direct_regime.c judges register
 * writes, hypercall.c and abort.c serve them while they run.
 */
#pragma once

#include <arch/ptwr_port.h>

#include <latch/abi.h>

#include "core/direct_map.h"
#include "core/direct_plan.h"
#include "ptwr/ptwr.h"

struct domain;
struct vcpu;

struct direct {
    struct ptwr ptwr;
    struct direct_port port;
    struct direct_map map;
    struct direct_plan plan;
    uint32_t nr_frames; /* that it owns now */
    mfn_t spare;        /* frames it gave away, a list through frame.parent; MFN_NONE: none */
    struct latch_refusal refusal; /* the last one */
    uint64_t report_from;         /* reports are limited: start of the period, */
    unsigned int reports;         /* shown in it, */
    unsigned int unreported;      /* and not */
};

/*
 * Memory, stage 2, image and page tables of a new domain; its vCPU can run. HV_ENOMEM, or another
 * error whose reason has been printed.
 */
NODISCARD
enum hv_err direct_create(struct domain *d);

/* The same from the pristine image, with the memory the domain has. None of its vCPUs is loaded. */
NODISCARD
enum hv_err direct_reset(struct domain *d);

/* The vCPU is descheduled while it is still loaded: its open tables are protected. */
void direct_preempt(struct vcpu *vcpu, enum ptwr_trigger why);

/*
 * Reconnect all open tables; a violation in them is reported. HV_OK; HV_EAGAIN: go back to the
 * guest, to the same instruction; HV_EPERM: it has been stopped. Precondition: the lock is held.
 */
NODISCARD
enum hv_err direct_sync(struct vcpu *vcpu, enum ptwr_trigger why, unsigned int *budget);

/*
 * Before the guest ends, restarts or starts a vCPU by a call of its own: true if all its tables are
 * connected again. Else the call is to be repeated, or the domain has been stopped.
 */
bool direct_quiesce(struct vcpu *vcpu);

/* The guest broke a rule and latch,guard-action says that this ends it. */
void direct_crash(struct vcpu *vcpu);
