/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A made-up virtual CPU interface for core/vgic.c and its neighbours: list registers in an array,
 * on which the test plays the guest of two vCPUs, each on the CPU of its number.
 */
#pragma once

#include "core/domain.h"
#include "core/vcpu.h"

#define NR_LRS 4
#define GICD   UINT64_C(0x08000000)
#define GICR   UINT64_C(0x080a0000)
#define UART   UINT64_C(0x09000000)

extern struct domain dom;
extern struct vcpu vcpus[2];

extern uint64_t lrs[2][NR_LRS]; /* of each CPU */
extern uint64_t hw_notify;
extern unsigned hw_ended; /* interrupts that were in no list register */
extern bool physical_active;
extern unsigned cpu; /* the CPU that runs */
#define hw_lr (lrs[cpu])
extern unsigned kicked; /* vCPUs, a bit each */
extern unsigned wakes;
extern char sent[64];

/* Setup functions of cmocka: the machine as new, with a GICv2 or GICv3; CPU 0 runs. */
int start_v2(void **state);
int start_v3(void **state);

#define V2(test) cmocka_unit_test_setup(test, start_v2)
#define V3(test) cmocka_unit_test_setup(test, start_v3)

/* The guest of the CPU that runs. */
void write_reg(uint64_t ipa, unsigned size, uint64_t value);
uint64_t read_reg(uint64_t ipa, unsigned size);
void enable_spi(unsigned intid);

/* It goes on: list registers are filled. */
void enter(void);

/* List register that holds `intid` in `state`, or -1. */
int find(unsigned intid, uint64_t state);
void acknowledge(unsigned intid);
/* Returns whether the CPU would raise the maintenance interrupt for it. */
bool end(unsigned intid);
