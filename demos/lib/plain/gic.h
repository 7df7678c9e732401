/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GICv2 or GICv3 (IHI 0048, IHI 0069) as the CPUs of one cluster use it, for SGIs, PPIs and SPIs
 * of group 1. Private interrupts are those of the CPU that calls.
 */
#pragma once

#include "common/types.h"

#define GIC_SPURIOUS 1023u

/* 2 or 3; by the CPU's ID register, which says whether it has GICv3's system registers. */
unsigned int gic_version(void);

/* Before all else, on a machine whose ID register does not say so: gem5's. */
void gic_assume(unsigned int version);

/* The number of the CPU that calls. */
unsigned int gic_cpu(void);

/* Distributor, redistributor and CPU interface on, all priorities let through. Once on each CPU. */
void gic_init(void);

/* An SPI goes to CPU 0 then. */
void gic_enable(unsigned int intid);
void gic_route(unsigned int spi, unsigned int cpu);

/* Until what was written about SPIs has taken effect on all CPUs; GICv2 cannot tell. */
void gic_settle(void);
void gic_disable(unsigned int intid);
bool gic_is_enabled(unsigned int intid);
void gic_set_pending(unsigned int intid);
void gic_clear_pending(unsigned int intid);
bool gic_is_pending(unsigned int intid);
bool gic_is_active(unsigned int intid);
void gic_set_priority(unsigned int intid, uint8_t priority);
uint8_t gic_priority(unsigned int intid);

/* Only interrupts of a higher priority (a lower number) than `mask` are let through. */
void gic_set_mask(uint8_t mask);

void gic_send_to_self(unsigned int sgi);

/* An SGI to the CPUs whose bits are set. */
void gic_send(unsigned int sgi, unsigned int cpus);

/* The interrupt that is taken with this, or GIC_SPURIOUS. The value goes to gic_end() as it is. */
uint32_t gic_acknowledge(void);
void gic_end(uint32_t acknowledged);
