/* SPDX-License-Identifier: Apache-2.0 */
/* Ticket lock: first come, first served. Held with interrupts masked, as all of EL2 runs. */
#pragma once

#include <stdint.h>

#include <arch/barrier.h>

struct spinlock {
    uint32_t next;
    uint32_t owner;
};

static inline void spin_lock(struct spinlock *lock)
{
    uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket)
        wfe();
}

/* The store-release is what wakes the waiters' WFE once SEV is seen. */
static inline void spin_unlock(struct spinlock *lock)
{
    __atomic_store_n(&lock->owner, lock->owner + 1, __ATOMIC_RELEASE);
    dsb_ishst();
    sev();
}
