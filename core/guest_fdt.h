/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree of a plain guest: the machine that Latch shows it, and nothing of the board's. */
#pragma once

#include "ptwr/base.h"

/* Interrupts that the tree names; the vGIC and the vPL011 must agree with them. */
#define GUEST_UART_SPI 1 /* INTID 33 */

struct guest_fdt_args {
    const char *bootargs; /* NULL or "": no property */
    uint64_t ram_base;
    uint64_t ram_size;
    unsigned int gic_version; /* 2 or 3 */
    uint64_t gicd;
    uint64_t gicc; /* GICv2 */
    uint64_t gicr; /* GICv3 */
    uint64_t uart; /* 0: no PL011 */
    unsigned int nr_vcpus;
    uint64_t initrd_start;
    uint64_t initrd_end; /* 0: no initrd */
    const void *rng_seed;
    size_t rng_seed_size; /* 0: no seed */
};

/*
 * Write the tree to `buf`. HV_E2BIG: it does not fit `size` bytes; HV_EINVAL: a GIC version or a
 * number of vCPUs that has no tree. Either way `buf` holds no tree.
 */
NODISCARD
enum hv_err guest_fdt_build(const struct guest_fdt_args *args, void *buf, size_t size);
