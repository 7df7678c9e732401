/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of what was refused to a direct guest: one line each on the console, at most so many in a
 * time, and the last one kept for the guest to read.
 */
#pragma once

#include "ptwr/ptwr.h"

struct vcpu;

/* Where: the instruction, and the address it used if it has one. */
struct refusal_place {
    uint64_t pc;
    bool has_va;
    va_t va;
};

/* p->violation of the vCPU's domain. */
void refusal_report_entry(struct vcpu *vcpu, const struct refusal_place *place);

/* p->seal.audited: done all the same. */
void refusal_report_audited(struct vcpu *vcpu, const struct refusal_place *place);

/* As above if the engine refused something since it had counted `before`. */
static inline void refusal_report_new(struct vcpu *vcpu, const struct ptwr *p,
                                      const struct refusal_place *place, uint64_t before)
{
    if (p->count.refused != before)
        refusal_report_entry(vcpu, place);
}

/* A register write; counts it. */
void refusal_report_register(struct vcpu *vcpu, const char *name, enum ptwr_rule rule, uint64_t old,
                             uint64_t value);

/* The same of one that is done. */
void refusal_audit_register(struct vcpu *vcpu, const char *name, enum ptwr_rule rule, uint64_t old,
                            uint64_t value);

/* Something that no entry or register was the cause of: an access, a fault. */
void refusal_report_access(struct vcpu *vcpu, const char *what, va_t va, ipa_t ipa);
