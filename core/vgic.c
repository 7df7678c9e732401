/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts of a domain on their way into list registers and back.
 *
 * An interrupt is in a list register, or it waits for one (it is active, or pending and enabled;
 * the vCPU's waiting masks), or neither. An active interrupt is never put there as pending too:
 * its list register asks for a maintenance interrupt at EOI if there is more to deliver.
 */
#include "core/vgic.h"

#include "core/sched.h"
#include "core/vgic_state.h"

#define NR_SGIS 16u

static bool is_v2_sgi(const struct vcpu *v, unsigned intid)
{
    return intid < NR_SGIS && !v->domain->vgic.v3;
}

static struct lr lr_get(const struct vcpu *v, unsigned n)
{
    return v->vgic.loaded ? gic_lr_read(n) : (struct lr){v->vgic.hw.lr[n]};
}

static void lr_put(struct vcpu *v, unsigned n, struct lr lr)
{
    if (v->vgic.loaded)
        gic_lr_write(n, lr);
    else
        v->vgic.hw.lr[n] = lr.raw;
}

static void do_asked(struct vgic_irq *irq)
{
    unsigned asked = irq->asked;
    unsigned flags = irq->flags;

    if (asked & ASKED_UNPEND) {
        flags &= ~IRQ_LATCH;
        irq->sources = 0;
    }
    if (asked & ASKED_PEND)
        flags |= IRQ_LATCH;
    if (asked & ASKED_DEACTIVATE)
        flags &= ~IRQ_ACTIVE;
    if (asked & ASKED_ACTIVATE)
        flags |= IRQ_ACTIVE;
    irq->flags = (uint8_t)flags;
    if (asked & ASKED_STATE)
        irq->asked = (uint8_t)(ASKED_NOTED | (irq_is_pending(irq) ? ASKED_WAS_PEND : 0) |
                               (flags & IRQ_ACTIVE ? ASKED_WAS_ACTIVE : 0));
    else
        irq->asked = (uint8_t)(asked & (ASKED_NOTED | ASKED_WAS_PEND | ASKED_WAS_ACTIVE));
}

/* Takes back what a list register says about its interrupt, which is in none afterwards. */
static void irq_take_back(struct vcpu *v, struct vgic_irq *irq, struct lr lr)
{
    unsigned intid = v->vgic.lr_intid[irq->lr];
    unsigned flags = irq->flags & ~(IRQ_ACTIVE | IRQ_PUT_PEND);
    bool sgi = is_v2_sgi(v, intid);

    v->vgic.hw.live &= ~(uint32_t)BIT64(irq->lr);
    irq->lr = VGIC_NO_LR;
    if (lr.raw & LR_ACTIVE) {
        flags |= IRQ_ACTIVE;
        if (sgi)
            irq->target = (uint8_t)lr_source(lr);
    }
    if (irq->flags & IRQ_PUT_PEND) {
        if (!(lr.raw & LR_PENDING))
            flags &= ~IRQ_LATCH; /* acknowledged */
        else if (sgi)
            irq->sources |= (uint8_t)BIT64(lr_source(lr));
        if (sgi && irq->sources != 0)
            flags |= IRQ_LATCH;
    }
    /* Neither pending nor active: the guest's EOI has deactivated the physical interrupt. */
    if (!(lr.raw & LR_STATE))
        flags &= ~IRQ_HW;
    irq->flags = (uint8_t)flags;
    if (irq->asked != 0)
        do_asked(irq);
}

/* Its list registers are those of this CPU, or saved: they can be changed. */
static bool in_reach(const struct vcpu *v) { return !v->vgic.loaded || v == current_vcpu(); }

/* vgic_fill_lrs() on the CPU of `v` looks at the interrupt again. */
static void ask_recheck(struct vcpu *v, unsigned intid)
{
    if (intid < VGIC_NR_PRIVATE)
        v->vgic.recheck_private |= (uint32_t)BIT64(intid);
    else
        v->vgic.recheck_spis |= BIT64(intid - VGIC_NR_PRIVATE);
    v->vgic.dirty = true;
    sched_kick(v);
}

bool irq_pull(struct vcpu *v, struct vgic_irq *irq, unsigned intid)
{
    unsigned n = irq->lr;

    if (n == VGIC_NO_LR)
        return true;
    if (intid >= VGIC_NR_PRIVATE)
        v = v->domain->vcpu[irq->in];
    if (!in_reach(v)) {
        ask_recheck(v, intid);
        return false;
    }
    struct lr lr = lr_get(v, n);

    lr_put(v, n, (struct lr){0});
    irq_take_back(v, irq, lr);
    return true;
}

static bool irq_wants_lr(const struct vcpu *v, const struct vgic_irq *irq)
{
    uint32_t group = irq->flags & IRQ_GROUP1 ? 2 : 1;

    if (irq->lr != VGIC_NO_LR)
        return false;
    if (irq->flags & IRQ_ACTIVE)
        return true;
    return (irq->flags & IRQ_ENABLED) && (v->domain->vgic.ctlr & group) && irq_is_pending(irq);
}

/* The guest took back a hardware interrupt by a register, so nothing will deactivate it. */
static void let_go(struct vcpu *v, struct vgic_irq *irq, unsigned intid)
{
    if (!in_reach(v)) {
        ask_recheck(v, intid);
        return;
    }
    irq->flags &= (uint8_t)~IRQ_HW;
    if (v->vgic.loaded)
        gic_set_active(intid, false);
}

void irq_update(struct vcpu *v, struct vgic_irq *irq, unsigned intid)
{
    struct vgic_vcpu *vgic;
    bool wants = irq_wants_lr(v, irq);

    v = irq_target(v, irq, intid);
    vgic = &v->vgic;
    if ((irq->flags & IRQ_HW) && !(irq->flags & (IRQ_LATCH | IRQ_ACTIVE)) && irq->lr == VGIC_NO_LR)
        let_go(v, irq, intid);
    if (intid < VGIC_NR_PRIVATE) {
        uint32_t bit = (uint32_t)BIT64(intid);

        vgic->waiting_private = wants ? vgic->waiting_private | bit : vgic->waiting_private & ~bit;
    } else {
        uint64_t bit = BIT64(intid - VGIC_NR_PRIVATE);

        vgic->waiting_spis = wants ? vgic->waiting_spis | bit : vgic->waiting_spis & ~bit;
    }
    if (wants) {
        vgic->dirty = true;
        sched_kick(v);
    }
}

/* The list registers that the guest has emptied: their interrupts may wait again. */
static void release_empty(struct vcpu *v)
{
    uint32_t empty = v->vgic.hw.live & gic_elrsr();

    while (empty != 0) {
        unsigned n = (unsigned)__builtin_ctz(empty);
        unsigned intid = v->vgic.lr_intid[n];
        struct vgic_irq *irq = irq_find(v, intid);

        empty &= empty - 1;
        /* An empty one that asked for a maintenance interrupt would go on asking. */
        gic_lr_write(n, (struct lr){0});
        irq_take_back(v, irq, (struct lr){0});
        irq_update(v, irq, intid);
    }
}

/* Moves a waiting interrupt into list register `n`, which is free. */
static void fill_one(struct vcpu *v, unsigned n, struct vgic_irq *irq, unsigned intid)
{
    struct lr lr = {(uint64_t)intid | (uint64_t)irq->priority << LR_PRIO_SHIFT};
    bool more;

    if (irq->flags & IRQ_GROUP1)
        lr.raw |= LR_GROUP1;
    if (irq->flags & IRQ_ACTIVE) {
        lr.raw |= LR_ACTIVE;
        more = irq_is_pending(irq);
        if (is_v2_sgi(v, intid))
            lr.raw |= (uint64_t)irq->target << LR_SOURCE_SHIFT;
    } else {
        lr.raw |= LR_PENDING;
        irq->flags |= IRQ_PUT_PEND;
        more = !(irq->flags & IRQ_EDGE) && (irq->flags & IRQ_LINE);
        if (is_v2_sgi(v, intid) && irq->sources != 0) {
            lr.raw |= (uint64_t)(unsigned)__builtin_ctz(irq->sources) << LR_SOURCE_SHIFT;
            irq->sources &= (uint8_t)(irq->sources - 1);
            more = irq->sources != 0;
        }
    }
    if (irq->flags & IRQ_HW)
        lr.raw |= LR_HW | (uint64_t)intid << LR_PINTID_SHIFT;
    else if (more)
        lr.raw |= LR_EOI;

    irq->lr = (uint8_t)n;
    irq->in = (uint8_t)v->id;
    v->vgic.lr_intid[n] = (uint8_t)intid;
    v->vgic.hw.live |= (uint32_t)BIT64(n);
    if (intid < VGIC_NR_PRIVATE)
        v->vgic.waiting_private &= ~(uint32_t)BIT64(intid);
    else
        v->vgic.waiting_spis &= ~BIT64(intid - VGIC_NR_PRIVATE);
    gic_lr_write(n, lr);
}

/* What other CPUs have asked for. */
static void recheck(struct vcpu *v)
{
    struct vgic_vcpu *vgic = &v->vgic;
    uint32_t private = vgic->recheck_private;
    uint64_t spis = vgic->recheck_spis;

    vgic->recheck_private = 0;
    vgic->recheck_spis = 0;
    for (; private != 0; private &= private - 1) {
        unsigned intid = (unsigned)__builtin_ctz(private);

        if (irq_pull(v, &vgic->irq[intid], intid))
            irq_update(v, &vgic->irq[intid], intid);
    }
    for (; spis != 0; spis &= spis - 1) {
        unsigned n = (unsigned)__builtin_ctzll(spis);
        struct vgic_irq *irq = &v->domain->vgic.spi[n];

        if (irq_pull(v, irq, VGIC_NR_PRIVATE + n))
            irq_update(v, irq, VGIC_NR_PRIVATE + n);
    }
}

static bool is_asked(const struct vgic_vcpu *vgic)
{
    return vgic_is_busy(vgic, true) || vgic_is_busy(vgic, false);
}

/*
 * Interrupts that find no room come in later, on a maintenance interrupt: when no list register is
 * pending any more, or, if that is so already, when all but one are empty. "None pending" while all
 * are active would fire again at once, for ever. An active one that waits may be ended as well.
 */
static void fill(struct vcpu *v)
{
    struct vgic_vcpu *vgic = &v->vgic;
    uint32_t notify = GIC_NOTIFY_NONE;

    if (is_asked(vgic))
        recheck(v);
    release_empty(v);
    if (vgic->notify & GIC_NOTIFY_NO_ENTRY)
        vgic_end_waiting(v);
    while ((vgic->waiting_private | vgic->waiting_spis) != 0) {
        unsigned intid = vgic_best_waiting(v, 0);
        struct vgic_irq *irq = irq_find(v, intid);
        bool is_pending;
        unsigned n = vgic_find_room(v, irq, &is_pending);

        if (n == VGIC_NO_LR) {
            notify = (uint32_t)(is_pending ? GIC_NOTIFY_NO_PEND : GIC_NOTIFY_UNDERFLOW);
            if (vgic_best_waiting(v, IRQ_ACTIVE) != VGIC_NONE_WAITS)
                notify |= (uint32_t)GIC_NOTIFY_NO_ENTRY;
            break;
        }
        fill_one(v, n, irq, intid);
    }
    vgic->dirty = false;
    if (notify != vgic->notify) {
        vgic->notify = notify;
        gic_set_notify(notify);
    }
}

void vgic_fill_lrs(struct vcpu *v)
{
    domain_io_lock(v->domain);
    fill(v);
    domain_io_unlock(v->domain);
}

void vgic_maintenance(struct vcpu *v) { vgic_fill_lrs(v); }

/* Without the lock: whoever makes something pending meanwhile kicks the vCPU afterwards. */
bool vgic_has_pending(struct vcpu *v)
{
    uint32_t used = v->vgic.hw.live;

    if (is_asked(&v->vgic))
        return true;
    for (uint32_t m = v->vgic.waiting_private; m != 0; m &= m - 1)
        if (!(v->vgic.irq[__builtin_ctz(m)].flags & IRQ_ACTIVE))
            return true;
    for (uint64_t m = v->vgic.waiting_spis; m != 0; m &= m - 1)
        if (!(v->domain->vgic.spi[__builtin_ctzll(m)].flags & IRQ_ACTIVE))
            return true;
    if (v->vgic.loaded && used != 0)
        used &= ~gic_elrsr();
    for (; used != 0; used &= used - 1)
        if (lr_get(v, (unsigned)__builtin_ctz(used)).raw & LR_PENDING)
            return true;
    return false;
}

void vgic_save(struct vcpu *v)
{
    domain_io_lock(v->domain);
    if (is_asked(&v->vgic))
        recheck(v);
    release_empty(v);
    if (v->vgic.notify & GIC_NOTIFY_NO_ENTRY)
        vgic_end_waiting(v);
    gic_vcpu_save(&v->vgic.hw);
    v->vgic.loaded = false;
    domain_io_unlock(v->domain);
    if (v->vgic.irq[GIC_PPI_VTIMER].flags & IRQ_HW)
        gic_set_active(GIC_PPI_VTIMER, false);
}

void vgic_load(struct vcpu *v)
{
    if (v->vgic.irq[GIC_PPI_VTIMER].flags & IRQ_HW)
        gic_set_active(GIC_PPI_VTIMER, true);
    domain_io_lock(v->domain);
    v->vgic.loaded = true;
    gic_vcpu_load(&v->vgic.hw);
    domain_io_unlock(v->domain);
}

static void pend(struct vcpu *v, struct vgic_irq *irq, unsigned intid)
{
    if (!irq_pull(v, irq, intid)) {
        irq->asked |= ASKED_PEND;
        return;
    }
    irq->flags |= IRQ_LATCH;
    irq_update(v, irq, intid);
}

void vgic_inject(struct domain *d, struct vcpu *v, unsigned intid, bool level)
{
    if (v == NULL)
        v = d->vcpu[0];
    struct vgic_irq *irq = irq_find(v, intid);

    if (irq == NULL || level == ((irq->flags & IRQ_LINE) != 0))
        return;
    irq->flags ^= IRQ_LINE;
    if (level && (irq->flags & IRQ_EDGE))
        pend(v, irq, intid);
    else if (irq_pull(v, irq, intid))
        irq_update(v, irq, intid);
}

/*
 * The guest has finished the last one of an interrupt that comes again, so that its list register
 * `n` is empty: it goes there at once if it may, without a search for a free one.
 */
static void come_again(struct vcpu *v, struct vgic_irq *irq, unsigned intid, unsigned n)
{
    if (!irq_wants_lr(v, irq)) {
        gic_lr_write(n, (struct lr){0});
        irq_update(v, irq, intid);
        return;
    }
    fill_one(v, n, irq, intid);
    sched_wake(v); /* it may sleep and still be loaded */
}

void vgic_inject_hw(struct vcpu *v, unsigned intid)
{
    struct vgic_irq *irq = &v->vgic.irq[intid];
    unsigned n;

    domain_io_lock(v->domain);
    n = irq->lr;
    /* It fired, so the guest has finished the last one. */
    if (n != VGIC_NO_LR)
        irq_take_back(v, irq, (struct lr){0});
    irq->flags |= IRQ_LATCH | IRQ_HW;
    if (n != VGIC_NO_LR)
        come_again(v, irq, intid, n);
    else
        irq_update(v, irq, intid);
    domain_io_unlock(v->domain);
}

void vgic_sgi(const struct vcpu *from, struct vcpu *to, unsigned intid)
{
    struct vgic_irq *irq = &to->vgic.irq[intid];
    unsigned n = irq->lr;
    bool again = n != VGIC_NO_LR && to == from && (gic_elrsr() & BIT64(n)) != 0;

    if (is_v2_sgi(to, intid))
        irq->sources |= (uint8_t)BIT64(from->id);
    if (!again) {
        pend(to, irq, intid);
        return;
    }
    irq_take_back(to, irq, (struct lr){0});
    irq->flags |= IRQ_LATCH;
    come_again(to, irq, intid, n);
}

/* Affinities of a domain's vCPUs: Aff0 is the number, the others are 0. */
void vgic_sgi1r(struct vcpu *v, uint64_t value)
{
    struct domain *d = v->domain;
    unsigned intid = (unsigned)(value >> 24) & 0xf;
    uint64_t targets = value & 0xffff;

    if (value & BIT64(40))
        targets = GENMASK64(15, 0) & ~BIT64(v->id); /* all but this one */
    else if (value & (GENMASK64(55, 44) | GENMASK64(39, 32) | GENMASK64(23, 16)))
        return;
    domain_io_lock(d);
    for (unsigned i = 0; i < d->nr_vcpus; i++)
        if (targets & BIT64(i))
            vgic_sgi(v, d->vcpu[i], intid);
    domain_io_unlock(d);
}

static void reset_vcpu(struct vcpu *v)
{
    struct vgic_vcpu *vgic = &v->vgic;
    bool loaded = vgic->loaded;

    if (loaded) {
        for (uint32_t m = vgic->hw.live; m != 0; m &= m - 1)
            gic_lr_write((unsigned)__builtin_ctz(m), (struct lr){0});
        if (vgic->irq[GIC_PPI_VTIMER].flags & IRQ_HW)
            gic_set_active(GIC_PPI_VTIMER, false);
    }
    *vgic = (struct vgic_vcpu){.loaded = loaded, .asleep = true};
    for (unsigned i = 0; i < VGIC_NR_PRIVATE; i++) {
        vgic->irq[i].lr = VGIC_NO_LR;
        vgic->irq[i].flags = i < NR_SGIS ? IRQ_EDGE : 0;
    }
    gic_vcpu_reset(&vgic->hw);
    if (loaded)
        gic_vcpu_load(&vgic->hw);
}

/* Not loaded, so that its list registers are in memory. */
void vgic_vcpu_on(struct vcpu *v)
{
    domain_io_lock(v->domain);
    for (uint32_t m = v->vgic.hw.live; m != 0; m &= m - 1) {
        unsigned intid = v->vgic.lr_intid[__builtin_ctz(m)];
        struct vgic_irq *irq = irq_find(v, intid);

        if (irq_pull(v, irq, intid))
            irq_update(v, irq, intid);
    }
    gic_vcpu_reset(&v->vgic.hw);
    v->vgic.notify = 0;
    v->vgic.dirty = true;
    domain_io_unlock(v->domain);
}

void vgic_reset(struct domain *d)
{
    for (unsigned i = 0; i < d->nr_vcpus; i++)
        reset_vcpu(d->vcpu[i]);
    d->vgic = (struct vgic){.v3 = gic_version() == 3};
    for (unsigned i = 0; i < VGIC_NR_SPIS; i++)
        d->vgic.spi[i] = (struct vgic_irq){.lr = VGIC_NO_LR, .targets = 1};
}

void vgic_init(struct domain *d)
{
    for (unsigned i = 0; i < d->nr_vcpus; i++)
        d->vcpu[i]->vgic = (struct vgic_vcpu){0};
    vgic_reset(d);
}
