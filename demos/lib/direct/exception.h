/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions: those a test expects, those of programs at EL0, and interrupts. */
#pragma once

#include "common/types.h"

/* What the handler leaves here is what the interrupted code finds. */
struct exception {
    uint64_t x[31];
    uint64_t elr;
    uint64_t spsr;
    uint64_t esr;
    uint64_t far;
    uint64_t sp_el0;
};

#define ESR_EC(esr)  ((unsigned int)((esr) >> 26) & 0x3f)
#define ESR_WNR      BIT64(6)
#define ESR_S1PTW    BIT64(7)
#define ESR_FSC(esr) ((unsigned int)(esr)&0x3f)

#define EC_UNKNOWN   0x00u
#define EC_SVC64     0x15u
#define EC_SYSREG    0x18u
#define EC_IABT_EL0  0x20u
#define EC_IABT_SAME 0x21u
#define EC_DABT_EL0  0x24u
#define EC_DABT_SAME 0x25u

#define FSC_TRANSLATION(level) (0x04u + (level))
#define FSC_PERMISSION(level)  (0x0cu + (level))
#define FSC_EXTERNAL           0x10u
#define FSC_EXTERNAL_WALK(l)   (0x14u + (l))

static inline bool fsc_is_translation(unsigned int fsc) { return (fsc & 0x3c) == 0x04; }
static inline bool fsc_is_permission(unsigned int fsc) { return (fsc & 0x3c) == 0x0c; }

/*
 * Calls fn(a, b). If a synchronous exception of EL1 is taken meanwhile, the call is abandoned:
 * `faulted` is 1 and try_fault has the exception. Calls nest.
 */
struct try_result {
    uint64_t value;
    uint64_t faulted;
};
struct try_result try_call(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b);
extern struct exception try_fault;

/* Single accesses that may fault: false, and try_fault says how. */
bool try_load(const volatile void *address, uint64_t *value);
bool try_store(volatile void *address, uint64_t value);

/* On any vCPU: accesses of EL1 that have a permission or translation fault are skipped from now on,
 * or end the guest again. A skipped load leaves its register as it was. */
void faults_skip(bool skip);
/* The 64 bits there, or `nothing` if the load is skipped. Unlike try_load() for many vCPUs at once.
 */
uint64_t probe_load_or(uint64_t va, uint64_t nothing);

/* A synchronous exception of EL1 outside try_call() that is not skipped: true if it is dealt with.
 * The library's own says false, which ends the guest. */
bool guest_exception(struct exception *e);

/* A program at EL0: its registers, and how it came back. */
struct user {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
    uint64_t esr;
    uint64_t far;
};

/* Runs it until its next synchronous exception; interrupts are taken meanwhile if pstate allows. */
void user_run(struct user *user);
