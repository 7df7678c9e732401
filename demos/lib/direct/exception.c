/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/exception.h"

#include <assert.h>

#include "common/print.h"
#include "direct/exception_offsets.h"
#include "direct/guest.h"
#include "direct/interrupt.h"

static_assert(sizeof(struct exception) == EXCEPTION_SIZE, "start.S saves them");
static_assert(offsetof(struct exception, elr) == 248, "start.S saves it");
static_assert(offsetof(struct exception, sp_el0) == 280, "start.S saves it");
static_assert(offsetof(struct user, sp) == USER_SP, "call.S loads it");
static_assert(offsetof(struct user, pc) == USER_PC, "call.S loads it");
static_assert(offsetof(struct user, pstate) == USER_PSTATE, "call.S loads it");

#define SLOT_SYNC_EL1 4
#define SLOT_SYNC_EL0 8

extern uint64_t try_frame;          /* call.S: not 0 inside try_call() */
extern uint64_t user_frame;         /* call.S: not 0 inside user_enter() */
NORETURN void try_unwind(void);     /* call.S */
void user_enter(struct user *user); /* call.S */
NORETURN void user_unwind(void);    /* call.S */
uint64_t probe_load(uint64_t address, uint64_t unused);
uint64_t probe_store(uint64_t address, uint64_t value);
void exception_entry(struct exception *e, unsigned int slot);

struct exception try_fault;
static struct user *running;
static bool skipping;

__attribute__((weak)) bool guest_exception(struct exception *e)
{
    (void)e;
    return false;
}

/* A refused store has a permission fault, an access through an entry without its valid bit another.
 */
static bool skipped(struct exception *e)
{
    unsigned int fsc = ESR_FSC(e->esr);

    if (!__atomic_load_n(&skipping, __ATOMIC_ACQUIRE) || ESR_EC(e->esr) != EC_DABT_SAME ||
        !(fsc_is_permission(fsc) || fsc_is_translation(fsc)))
        return false;
    e->elr += 4;
    return true;
}

static void leave_user(const struct exception *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(e->x); i++)
        running->x[i] = e->x[i];
    running->sp = e->sp_el0;
    running->pc = e->elr;
    running->pstate = e->spsr;
    running->esr = e->esr;
    running->far = e->far;
    user_unwind();
}

void exception_entry(struct exception *e, unsigned int slot)
{
    if ((slot & 3) == 1) {
        interrupt_entry();
        return;
    }
    if (slot == SLOT_SYNC_EL0 && user_frame != 0)
        leave_user(e);
    if (slot == SLOT_SYNC_EL1 && try_frame != 0) {
        try_fault = *e;
        try_unwind();
    }
    if (slot == SLOT_SYNC_EL1 && (skipped(e) || guest_exception(e)))
        return;
    print("FAILED: exception %u: ESR 0x%lx ELR 0x%lx FAR 0x%lx\n", slot, e->esr, e->elr, e->far);
    guest_crash();
}

bool try_load(const volatile void *address, uint64_t *value)
{
    struct try_result result = try_call(probe_load, (uint64_t)(uintptr_t)address, 0);

    *value = result.value;
    return result.faulted == 0;
}

bool try_store(volatile void *address, uint64_t value)
{
    return try_call(probe_store, (uint64_t)(uintptr_t)address, value).faulted == 0;
}

void faults_skip(bool skip) { __atomic_store_n(&skipping, skip, __ATOMIC_RELEASE); }

uint64_t probe_load_or(uint64_t va, uint64_t nothing)
{
    __asm__ volatile("ldr %0, [%1]" : "+&r"(nothing) : "r"(va) : "memory");
    return nothing;
}

void user_run(struct user *user)
{
    running = user;
    user_enter(user);
}
