/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded domains: unmodified guests whose page tables Latch validates. Their memory and images are
 * a plain domain's; this adds the engine. guarded_regime.c answers register writes, abort.c faults.
 */
#pragma once

#include "ptwr/ptwr.h"

struct domain;
struct refusal_place;
struct vcpu;

struct guarded {
    struct frame_table frames; /* of its RAM, by IPA */
    uint64_t sctlr, tcr, mair; /* when it was sealed (rule R6) */
};

/*
 * The engine for a domain whose RAM is allocated and whose stage 2 is still empty: maps the RAM by
 * pages, makes the walk window, EL2's view and the frames' records. HV_ENOMEM, or HV_EINVAL, whose
 * reason has been printed.
 */
NODISCARD
enum hv_err guarded_create(struct domain *d);

/* As after guarded_create(). Preconditions: no vCPU is loaded; the caller flushes the VMID. */
void guarded_reset(struct domain *d);

/*
 * A trap of a guarded vCPU has been answered: report what broke a rule and was done, if the engine
 * had counted `audited` of such before; and take a step of the seal, if there is one to take.
 * Preconditions: the domain's lock is held, the vCPU is loaded.
 */
void guarded_answered(struct vcpu *vcpu, const struct refusal_place *place, uint64_t audited);

/*
 * The current vCPU turns itself off: no table is its any more. HV_OK; HV_EAGAIN; HV_EPERM: the
 * domain has been stopped. Precondition: the domain's lock is held.
 */
NODISCARD
enum hv_err guarded_leave_vcpu(struct vcpu *vcpu);
