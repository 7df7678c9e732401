/* SPDX-License-Identifier: Apache-2.0 */
/* The loaded guest's own translation (EL1&0 stage 1), as EL2 follows it. */
#pragma once

#include "ptwr/base.h"

struct vcpu;

/*
 * A walk for `va` failed at stage 2 when it read the table at `table`: the stage-1 level of that
 * table, which ESR_EL2 does not tell (its level is stage 2's). Precondition: vcpu is loaded, and
 * its domain is plain.
 */
unsigned int s1_walk_level(const struct vcpu *vcpu, va_t va, ipa_t table);
