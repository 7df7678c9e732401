/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that hit a frame which is read-only in stage 2: to a page table, most often. The engine
 * decides what becomes of it; this finds out what the store is, and finishes the instruction.
 */
#pragma once

#include <arch/trap.h>

struct vcpu;

/* Precondition: a data abort, permission fault, WnR = 1, CM = 0; the domain's lock is held. */
void store_fault(struct vcpu *vcpu, const struct trap *trap);

/*
 * The same, for most of them in a tenth of the instructions: an aligned store of eight bytes to a
 * table that the vCPU stored to before. false: nothing has happened, ask store_fault(). Any data
 * abort; takes the domain's lock.
 */
NODISCARD
bool store_fault_quick(struct vcpu *vcpu, uint32_t iss, va_t far);
