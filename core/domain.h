/* SPDX-License-Identifier: Apache-2.0 */
/* A domain: a partition of the machine with its memory, its vCPUs and its emulated devices. */
#pragma once

#include <arch/spinlock.h>
#include <arch/stage2.h>

#include "core/config.h"
#include "core/console.h"
#include "core/direct.h"
#include "core/guarded.h"
#include "core/image.h"
#include "core/paging.h"
#include "core/vgic.h"
#include "core/vpl011.h"
#include "ptwr/base.h"

struct vcpu;
struct guest_fdt_args;

#define DOMAIN_MAX_VCPUS 8

enum domain_state {
    DOMAIN_RUNNING,
    DOMAIN_ENDED,   /* by its own SYSTEM_OFF */
    DOMAIN_STOPPED, /* by Latch */
};

/* Where a guest finds its emulated devices (IPAs); 0: it has none. */
struct layout {
    uint64_t gicd;
    uint64_t gicc; /* GICv2 */
    uint64_t gicr; /* GICv3 */
    uint64_t uart;
};

struct domain {
    unsigned int id;
    char name[32];
    enum domain_kind kind; /* core/config.h: DOMAIN_PLAIN, DOMAIN_DIRECT, DOMAIN_GUARDED */
    enum domain_state state;
    unsigned int restarts;
    bool reset_pending;   /* by domain_restart(): domain_reset() follows when all vCPUs have left */
    uint32_t running;     /* vCPUs that are on, on their way on, or not yet unloaded */
    struct spinlock lock; /* page tables, and which vCPUs are on */
    struct spinlock io_lock; /* emulated devices; inside it only the console's lock is taken */
    bool io_shared;          /* several CPUs come to them: the lock is needed */
    uint64_t cntvoff;        /* when it started: its virtual counter, on all vCPUs, began there */
    const struct domain_config *config;
    struct s2 s2;
    struct vcpu *vcpu[DOMAIN_MAX_VCPUS];
    unsigned int nr_vcpus;
    struct layout layout;
    struct vgic vgic;
    struct vpl011 uart;
    struct console_line console;
    struct console_input input;

    /* Plain and guarded domains: guest RAM from ram_base in 2 MiB chunks, chunk[i] = PA >> 21. */
    uint64_t ram_base;
    uint64_t ram_size;
    uint32_t *chunk;
    struct image image;

    struct paging paging; /* but for plain domains */
    struct direct direct;
    struct guarded guarded;
};

/* The slow half of domain_io_lock() and domain_io_unlock(). */
void domain_io_acquire(struct domain *d);
void domain_io_release(struct domain *d);

static inline void domain_io_lock(struct domain *d)
{
    if (d->io_shared)
        domain_io_acquire(d);
}

static inline void domain_io_unlock(struct domain *d)
{
    if (d->io_shared)
        domain_io_release(d);
}

unsigned int domain_count(void);
struct domain *domain_by_id(unsigned int id); /* NULL: none of that number */

/* Build a domain and make its first vCPU runnable. The reason of a failure has been printed. */
NODISCARD
enum hv_err domain_create(const struct domain_config *config);

/* What the guest's device tree says, for guest_fdt_build(). */
void domain_fdt_args(const struct domain *d, struct guest_fdt_args *args);

/* A line or two on how it ended and what it took, for the end of a run. */
void domain_summary(const struct domain *d);

/* The guest asked for SYSTEM_OFF. Its vCPUs never run again. From any CPU, as the next two. */
void domain_end(struct domain *d);

/* The guest asked for SYSTEM_RESET: once all its vCPUs have left, it starts over. */
void domain_restart(struct domain *d);

/* Latch stops it: prints "latch: domain NAME stopped: " and the reason. */
void domain_stop(struct domain *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Start over from the pristine images, or end it if latch,on-reset says so. Precondition: none of
 * its vCPUs is on or loaded.
 */
void domain_reset(struct domain *d);

/*
 * Turns on vCPU `target`, whose domain is the caller's. Plain and guarded: at IPA `entry` with its
 * MMU off; direct: at VA `entry` under the caller's translation regime. HV_EBUSY: it is not off;
 * HV_EFAULT: nothing can run at `entry`; direct: HV_EAGAIN, HV_EPERM as in core/direct_vcpu.h.
 * Takes the domain's lock.
 */
NODISCARD
enum hv_err domain_start_vcpu(struct vcpu *caller, struct vcpu *target, uint64_t entry,
                              uint64_t context);

/*
 * Turns the current vCPU off. HV_EBUSY: it is the last one that is on; direct: HV_EAGAIN, HV_EPERM
 * as in core/direct_vcpu.h. Takes the domain's lock.
 */
NODISCARD
enum hv_err domain_leave_vcpu(struct vcpu *vcpu);
