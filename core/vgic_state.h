/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one interrupt, shared by the two halves of the vGIC: core/vgic.c, which moves
 * interrupts in and out of list registers, and core/vgic_mmio.c, the registers.
 */
#pragma once

#include "core/domain.h"
#include "core/vcpu.h"
#include "core/vgic.h"

#define IRQ_ENABLED  0x01u
#define IRQ_GROUP1   0x02u
#define IRQ_EDGE     0x04u
#define IRQ_LATCH    0x08u /* made pending by an edge, an SGI, the timer, or a write of ISPENDR */
#define IRQ_LINE     0x10u /* the device's line is high */
#define IRQ_ACTIVE   0x20u
#define IRQ_HW       0x40u /* the physical interrupt of the same number is active on its behalf */
#define IRQ_PUT_PEND 0x80u /* its list register was filled as pending */

/*
 * What the CPU whose list register has the interrupt is to do once it has taken it out, in this
 * order; then what it has noted down for a reader.
 */
#define ASKED_UNPEND     0x01u
#define ASKED_PEND       0x02u
#define ASKED_DEACTIVATE 0x04u
#define ASKED_ACTIVATE   0x08u
#define ASKED_STATE      0x10u /* note down the state */
#define ASKED_NOTED      0x20u /* done: it was as the next two say */
#define ASKED_WAS_PEND   0x40u
#define ASKED_WAS_ACTIVE 0x80u

/*
 * While an interrupt is in a list register, IRQ_ACTIVE and IRQ_LATCH are out of date: irq_pull()
 * first, change the flags, then irq_update(), which lets it go to a list register again. `v` is any
 * vCPU of the domain for an SPI, the one whose interrupt it is for a private one. False: it is in a
 * list register of another CPU, which has been asked to take it out and judge it anew; the other
 * flags, and `asked`, may be changed even so.
 */
bool irq_pull(struct vcpu *v, struct vgic_irq *irq, unsigned intid);
void irq_update(struct vcpu *v, struct vgic_irq *irq, unsigned intid);

#define VGIC_NONE_WAITS UINT32_MAX

/*
 * core/vgic_room.c, for the vCPU that is loaded here. The waiting interrupt of highest priority,
 * lowest INTID first, of those that have all of `flags`; VGIC_NONE_WAITS if none has.
 */
unsigned vgic_best_waiting(struct vcpu *v, unsigned flags);
/*
 * A list register for the one that is best_waiting, if need be another's, which waits from then on;
 * VGIC_NO_LR: all hold what comes before it or cannot be preempted by it, *pending tells whether
 * any of that is pending.
 */
unsigned vgic_find_room(struct vcpu *v, const struct vgic_irq *irq, bool *pending);
/* The CPU interface counts active interrupts that were ended in no list register: so they are. */
void vgic_end_waiting(struct vcpu *v);

/* Makes an SGI pending at `to`. */
void vgic_sgi(const struct vcpu *from, struct vcpu *to, unsigned intid);

static inline bool irq_is_pending(const struct vgic_irq *irq)
{
    unsigned line_counts = irq->flags & IRQ_EDGE ? 0 : IRQ_LINE;

    return (irq->flags & (IRQ_LATCH | line_counts)) != 0;
}

/* The state of interrupt `intid`, which is below VGIC_NR_INTIDS, as `v` sees it. */
static inline struct vgic_irq *irq_of(struct vcpu *v, unsigned intid)
{
    if (intid < VGIC_NR_PRIVATE)
        return &v->vgic.irq[intid];
    return &v->domain->vgic.spi[intid - VGIC_NR_PRIVATE];
}

/* The same, or NULL. */
static inline struct vgic_irq *irq_find(struct vcpu *v, unsigned intid)
{
    return intid < VGIC_NR_INTIDS ? irq_of(v, intid) : NULL;
}

/* The vCPU that interrupt `intid` of `v` goes to: SPIs are routed. */
static inline struct vcpu *irq_target(struct vcpu *v, const struct vgic_irq *irq, unsigned intid)
{
    return intid < VGIC_NR_PRIVATE ? v : v->domain->vcpu[irq->target];
}

/* True while something asked of another CPU is not done: GICD_CTLR.RWP, GICR_CTLR.RWP. */
static inline bool vgic_is_busy(const struct vgic_vcpu *vgic, bool private)
{
    return private ? vgic->recheck_private != 0 : vgic->recheck_spis != 0;
}
