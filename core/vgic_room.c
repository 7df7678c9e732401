/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interrupts have the list registers of a CPU when there are too few: a GIC-400 has four. The
 * others wait in the vCPU's waiting masks, pending or active.
 */
#include "core/vgic_state.h"

unsigned vgic_best_waiting(struct vcpu *v, unsigned flags)
{
    unsigned best = VGIC_NONE_WAITS;
    unsigned best_priority = 0x100;

    for (uint32_t m = v->vgic.waiting_private; m != 0; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctz(m);
        const struct vgic_irq *irq = &v->vgic.irq[i];

        if (irq->priority < best_priority && (irq->flags & flags) == flags) {
            best = i;
            best_priority = irq->priority;
        }
    }
    for (uint64_t m = v->vgic.waiting_spis; m != 0; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctzll(m);
        const struct vgic_irq *irq = &v->domain->vgic.spi[i];

        if (irq->priority < best_priority && (irq->flags & flags) == flags) {
            best = VGIC_NR_PRIVATE + i;
            best_priority = irq->priority;
        }
    }
    return best;
}

/*
 * A guest ends the one of highest priority first. (One that deactivates apart from that, in another
 * order, may find the wrong one active for a while.)
 */
void vgic_end_waiting(struct vcpu *v)
{
    unsigned count = gic_ended();

    if (count != 0)
        gic_set_notify(v->vgic.notify);
    for (; count != 0; count--) {
        unsigned intid = vgic_best_waiting(v, IRQ_ACTIVE);
        struct vgic_irq *irq;

        if (intid == VGIC_NONE_WAITS)
            return;
        irq = irq_find(v, intid);
        irq->flags &= (uint8_t)~IRQ_ACTIVE;
        irq_update(v, irq, intid);
    }
}

/* What is in list register `n` of this CPU waits again. */
static void empty_lr(struct vcpu *v, unsigned n)
{
    unsigned intid = v->vgic.lr_intid[n];
    struct vgic_irq *irq = irq_find(v, intid);

    (void)irq_pull(v, irq, intid); /* in reach */
    irq_update(v, irq, intid);
}

/*
 * All list registers are taken: empties one whose interrupt is only pending and of lower priority
 * than `priority`, and returns its number, or VGIC_NO_LR. *pending tells whether any is pending.
 */
static unsigned evict(struct vcpu *v, unsigned priority, bool *pending)
{
    unsigned worst = VGIC_NO_LR;
    unsigned worst_priority = priority;

    for (uint32_t m = v->vgic.hw.live; m != 0; m &= m - 1) {
        unsigned n = (unsigned)__builtin_ctz(m);
        const struct vgic_irq *irq = irq_find(v, v->vgic.lr_intid[n]);

        if ((gic_lr_read(n).raw & LR_STATE) != LR_PENDING)
            continue;
        *pending = true;
        if (irq->priority > worst_priority) {
            worst = n;
            worst_priority = irq->priority;
        }
    }
    if (worst != VGIC_NO_LR)
        empty_lr(v, worst);
    return worst;
}

/*
 * All list registers are active. If an interrupt of `priority` would preempt them all, empties the
 * one of lowest priority, which the guest will be the last to come back to, and returns its number;
 * else VGIC_NO_LR. Not one whose end the CPU has to pass on to a physical interrupt.
 */
static unsigned set_aside(struct vcpu *v, unsigned priority)
{
    unsigned worst = VGIC_NO_LR;
    unsigned worst_priority = priority;

    for (uint32_t m = v->vgic.hw.live; m != 0; m &= m - 1) {
        unsigned n = (unsigned)__builtin_ctz(m);
        const struct vgic_irq *irq = irq_find(v, v->vgic.lr_intid[n]);

        if (irq->priority <= priority)
            return VGIC_NO_LR;
        if (irq->priority > worst_priority && !(irq->flags & IRQ_HW)) {
            worst = n;
            worst_priority = irq->priority;
        }
    }
    if (worst != VGIC_NO_LR)
        empty_lr(v, worst);
    return worst;
}

unsigned vgic_find_room(struct vcpu *v, const struct vgic_irq *irq, bool *pending)
{
    uint32_t free = (uint32_t)(BIT64(gic_nr_lrs()) - 1) & ~v->vgic.hw.live;
    unsigned n;

    *pending = false;
    if (free != 0)
        return (unsigned)__builtin_ctz(free);
    n = evict(v, irq->priority, pending);
    if (n == VGIC_NO_LR && !*pending && !(irq->flags & IRQ_ACTIVE))
        n = set_aside(v, irq->priority);
    return n;
}
