/* SPDX-License-Identifier: Apache-2.0 */
/* Stage-2 faults that concern page tables: of direct domains only. */
#pragma once

#include <arch/trap.h>

struct vcpu;

enum abort_result { ABORT_DONE };

/* Answer the fault completely: the vCPU can go on, or its domain was stopped. */
enum abort_result abort_guest(struct vcpu *vcpu, const struct trap *trap);
