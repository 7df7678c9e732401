/* SPDX-License-Identifier: Apache-2.0 */
/* A domain: a partition of the machine with its memory, its vCPUs and its emulated devices. */
#pragma once

#include <arch/spinlock.h>
#include <arch/stage2.h>

#include "core/config.h"
#include "core/console.h"
#include "core/direct.h"
#include "core/image.h"
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
    bool reset_pending; /* SYSTEM_RESET: sched_switch() calls domain_reset() */
    struct spinlock lock;
    const struct domain_config *config;
    struct s2 s2;
    struct vcpu *vcpu[DOMAIN_MAX_VCPUS];
    unsigned int nr_vcpus;
    struct layout layout;
    struct vgic vgic;
    struct vpl011 uart;
    struct console_line console;
    struct console_input input;

    /* Plain domains: guest RAM from ram_base in 2 MiB chunks, chunk[i] = PA >> 21. */
    uint64_t ram_base;
    uint64_t ram_size;
    uint32_t *chunk;
    struct image image;

    struct direct direct;
};

unsigned int domain_count(void);
struct domain *domain_by_id(unsigned int id); /* NULL: none of that number */

/* Build a domain and make its vCPU runnable. The reason of a failure has been printed. */
NODISCARD
enum hv_err domain_create(const struct domain_config *config);

/* What the guest's device tree says, for guest_fdt_build(). */
void domain_fdt_args(const struct domain *d, struct guest_fdt_args *args);

/* A line or two on how it ended and what it took, for the end of a run. */
void domain_summary(const struct domain *d);

/* The guest asked for SYSTEM_OFF. Its vCPUs never run again. */
void domain_end(struct domain *d);

/* Latch stops it: prints "latch: domain NAME stopped: " and the reason. */
void domain_stop(struct domain *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Start over from the pristine images, or stop it if latch,on-reset says so. Precondition: none of
 * its vCPUs is loaded on a CPU. PSCI sets reset_pending instead of calling it from a trap.
 */
void domain_reset(struct domain *d);
