/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PL011 UART for one domain: what it sends goes to the domain's console lines, what the user
 * types comes in through vpl011_input(). It sends in no time, so its transmit FIFO is always empty.
 */
#pragma once

#include "core/mmio.h"
#include "ptwr/base.h"

struct domain;
struct vcpu;

#define VPL011_INTID   33
#define VPL011_SIZE    UINT64_C(0x1000)
#define VPL011_RX_SIZE 64 /* a power of two; the guest is told 16, the rest is slack for pastes */

/* In struct domain, as `uart`. */
struct vpl011 {
    bool enabled; /* the domain has one */
    bool line;    /* level of the interrupt line as last given to the vGIC */
    uint16_t ris;
    uint16_t imsc;
    uint16_t cr;
    uint16_t lcr_h;
    uint16_t ifls;
    uint16_t ibrd;
    uint16_t fbrd;
    uint16_t dmacr;
    uint16_t rsr;
    uint16_t rx_head; /* counts up; the index is the low bits */
    uint16_t rx_tail;
    char rx[VPL011_RX_SIZE];
};

/* Gives the domain a UART at d->layout.uart. */
void vpl011_init(struct domain *d);

/* Back to the start state; needs no UART to be there. */
void vpl011_reset(struct domain *d);

/* MMIO_NONE if `ipa` does not belong to the UART. Takes the io_lock. */
enum mmio_result vpl011_mmio(struct vcpu *v, uint64_t ipa, unsigned size, bool write,
                             uint64_t *value);

/* A character for the guest; lost if it does not fit, as on a wire. Takes the io_lock. */
void vpl011_input(struct domain *d, char c);
