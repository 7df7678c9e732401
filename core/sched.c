/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Round robin over the vCPUs of each CPU. A vCPU is in its CPU's ring from MAIL_START until it
 * leaves; the ring is small, so every question walks it. Everything runs with interrupts masked;
 * interrupts are taken while a guest runs and in idle().
 */
#include "core/sched.h"

#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/gic.h>
#include <arch/psci.h>
#include <arch/timer.h>
#include <arch/trap.h>
#include <arch/vcpu.h>

#include "core/console.h"
#include "core/direct.h"
#include "core/domain.h"
#include "core/vcpu.h"
#include "core/vgic.h"

#define SLICE_US 10000

#define MAIL_START 0x1u /* sched_add() */
#define MAIL_LEAVE 0x2u /* look whether your domain is to leave */
#define MAIL_KICK  0x4u /* sched_kick() */

struct runqueue {
    struct vcpu *ring;   /* any member, or NULL */
    struct vcpu *pinned; /* all that this CPU ever runs */
    uint64_t slice_end;
    uint32_t empty; /* domains, a bit each, whose last vCPU has left here */
};

static struct runqueue queues[CPU_MAX];
static uint32_t domains_over;

static struct runqueue *this_queue(void) { return &queues[this_cpu()->id]; }

struct vcpu *current_vcpu(void) { return this_cpu()->current; }

void sched_pin(struct vcpu *vcpu)
{
    struct runqueue *queue = &queues[vcpu->cpu];

    vcpu->pinned = queue->pinned;
    queue->pinned = vcpu;
}

static bool in_ring(const struct vcpu *vcpu)
{
    const struct vcpu *ring = this_queue()->ring;
    const struct vcpu *v = ring;

    if (v == NULL)
        return false;
    do {
        if (v == vcpu)
            return true;
        v = v->next;
    } while (v != ring);
    return false;
}

static void ring_insert(struct vcpu *vcpu)
{
    struct runqueue *queue = this_queue();

    if (queue->ring == NULL) {
        vcpu->next = vcpu;
        queue->ring = vcpu;
        return;
    }
    vcpu->next = queue->ring->next;
    queue->ring->next = vcpu;
}

/*
 * vcpu->next keeps pointing into the ring, so that sched_switch() finds who comes after a vCPU
 * that has just left.
 */
static void ring_remove(struct vcpu *vcpu)
{
    struct runqueue *queue = this_queue();
    struct vcpu *before = vcpu;

    while (before->next != vcpu)
        before = before->next;
    before->next = vcpu->next;
    if (queue->ring == vcpu)
        queue->ring = before == vcpu ? NULL : before;
}

static bool is_leaving(const struct domain *d)
{
    return __atomic_load_n(&d->state, __ATOMIC_ACQUIRE) != DOMAIN_RUNNING ||
           __atomic_load_n(&d->reset_pending, __ATOMIC_ACQUIRE);
}

/*
 * The vCPU is loaded no more and in no ring. What the last one of a domain has to do may take long
 * and may need the domain's lock: sched_switch() does it.
 */
static void left(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;

    vcpu->prepared = false;
    vcpu_set_power(vcpu, POWER_OFF);
    if (__atomic_sub_fetch(&d->running, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    this_queue()->empty |= (uint32_t)BIT64(d->id);
    this_cpu()->resched = 1;
}

static void start(struct vcpu *vcpu)
{
    if (is_leaving(vcpu->domain)) {
        left(vcpu);
        return;
    }
    vcpu_set_power(vcpu, POWER_ON);
    vcpu->state = VCPU_RUNNABLE;
    ring_insert(vcpu);
    this_cpu()->resched = 1;
}

/* The current one is unloaded by sched_switch() before it counts as gone. */
static void leave(struct vcpu *vcpu)
{
    if (vcpu->state == VCPU_OFF)
        return;
    vcpu->state = VCPU_OFF;
    ring_remove(vcpu);
    if (this_cpu()->current == vcpu)
        this_cpu()->resched = 1;
    else
        left(vcpu);
}

static void deliver(struct vcpu *vcpu, uint32_t mail)
{
    if ((mail & MAIL_START) != 0)
        start(vcpu);
    if ((mail & MAIL_LEAVE) != 0 && is_leaving(vcpu->domain))
        leave(vcpu);
    if ((mail & MAIL_KICK) != 0) {
        this_cpu()->refill = 1;
        sched_wake(vcpu);
    }
}

/* Whoever finds mail in the box already knows that an interrupt is on its way. */
static void post(struct vcpu *vcpu, uint32_t mail)
{
    if (vcpu->cpu == this_cpu()->id)
        deliver(vcpu, mail);
    else if (__atomic_fetch_or(&vcpu->mail, mail, __ATOMIC_ACQ_REL) == 0)
        gic_send_ipi(cpu_online(vcpu->cpu));
}

void sched_mail(void)
{
    for (struct vcpu *v = this_queue()->pinned; v != NULL; v = v->pinned) {
        if (__atomic_load_n(&v->mail, __ATOMIC_RELAXED) != 0)
            deliver(v, __atomic_exchange_n(&v->mail, 0, __ATOMIC_ACQ_REL));
    }
}

void sched_add(struct vcpu *vcpu)
{
    __atomic_add_fetch(&vcpu->domain->running, 1, __ATOMIC_ACQ_REL);
    post(vcpu, MAIL_START);
}

void sched_remove_domain(struct domain *d)
{
    for (unsigned int i = 0; i < d->nr_vcpus; i++)
        post(d->vcpu[i], MAIL_LEAVE);
}

void sched_leave(struct vcpu *vcpu) { leave(vcpu); }

void sched_block(struct vcpu *vcpu)
{
    vcpu->state = VCPU_BLOCKED;
    this_cpu()->resched = 1;
}

void sched_wake(struct vcpu *vcpu)
{
    if (vcpu->state != VCPU_BLOCKED)
        return;
    vcpu->state = VCPU_RUNNABLE;
    this_cpu()->resched = 1;
}

void sched_kick(struct vcpu *vcpu) { post(vcpu, MAIL_KICK); }

void sched_yield(struct vcpu *vcpu)
{
    (void)vcpu;
    this_cpu()->resched = 1;
}

/* The earliest timer of a blocked vCPU; those that are due are woken instead. */
static uint64_t wake_due(uint64_t now)
{
    uint64_t first = TIMER_NEVER;
    struct vcpu *ring = this_queue()->ring;
    struct vcpu *v = ring;

    if (v == NULL)
        return first;
    do {
        if (v->state == VCPU_BLOCKED) {
            /* One that is still loaded has its timer in the CPU: it interrupts by itself. */
            uint64_t due = v->arch.loaded ? TIMER_NEVER : timer_vcpu_deadline(v);

            if (due <= now)
                sched_wake(v);
            else if (due < first)
                first = due;
        }
        v = v->next;
    } while (v != ring);
    return first;
}

static bool other_runnable(const struct vcpu *vcpu)
{
    const struct vcpu *ring = this_queue()->ring;
    const struct vcpu *v = ring;

    if (v == NULL)
        return false;
    do {
        if (v != vcpu && v->state == VCPU_RUNNABLE)
            return true;
        v = v->next;
    } while (v != ring);
    return false;
}

static void set_deadline(const struct vcpu *running, uint64_t wake)
{
    uint64_t when = wake;

    if (running != NULL && other_runnable(running) && this_queue()->slice_end < when)
        when = this_queue()->slice_end;
    timer_set_deadline(when);
}

void sched_timer(void)
{
    uint64_t now = timer_now();
    uint64_t wake = wake_due(now);
    struct cpu *cpu = this_cpu();

    if (cpu->current != NULL && now >= this_queue()->slice_end && other_runnable(cpu->current)) {
        cpu->resched = 1;
        timer_set_deadline(TIMER_NEVER); /* sched_switch() sets the next one */
        return;
    }
    set_deadline(cpu->current, wake);
}

/* The first runnable vCPU behind `from`, `from` itself last; NULL. */
static struct vcpu *pick(struct vcpu *from)
{
    struct vcpu *ring = this_queue()->ring;
    struct vcpu *v;

    if (ring == NULL)
        return NULL;
    v = from != NULL && in_ring(from->next) ? from->next : ring;
    for (struct vcpu *first = v;;) {
        if (v->state == VCPU_RUNNABLE)
            return v;
        v = v->next;
        if (v == first)
            return NULL;
    }
}

static void load(struct vcpu *vcpu)
{
    arch_vcpu_load(vcpu);
    vgic_load(vcpu);
    timer_vcpu_load(vcpu);
    vcpu->loaded_at = timer_now();
    vcpu->turns++;
    this_cpu()->current = vcpu;
}

static void unload(struct vcpu *vcpu)
{
    struct domain *d = vcpu->domain;

    /* Needs the domain's VMID for its invalidations, hence first. */
    if (d->kind != DOMAIN_PLAIN && !is_leaving(d))
        paging_preempt(vcpu, vcpu->state == VCPU_BLOCKED ? PTWR_T_BLOCK : PTWR_T_PREEMPT);
    vcpu->ran += timer_now() - vcpu->loaded_at;
    timer_vcpu_save(vcpu);
    vgic_save(vcpu);
    arch_vcpu_save(vcpu);
    this_cpu()->current = NULL;
}

static _Noreturn void all_ended(void)
{
    unsigned int ended = 0;
    unsigned int stopped = 0;

    for (unsigned int i = 0; i < domain_count(); i++) {
        domain_summary(domain_by_id(i));
        if (domain_by_id(i)->state == DOMAIN_ENDED)
            ended++;
        else
            stopped++;
    }
    printk("latch: end: %u ended, %u stopped\n", ended, stopped);
    firmware_system_off();
}

/* No vCPU of the domain is loaded, none is on: it starts again, or it is over. */
static void domain_left(struct domain *d)
{
    if (d->state == DOMAIN_RUNNING)
        domain_reset(d);
    if (d->state == DOMAIN_RUNNING)
        return;
    console_domain_flush(d);
    if (__atomic_add_fetch(&domains_over, 1, __ATOMIC_ACQ_REL) == domain_count())
        all_ended();
}

/* What was put off until the current vCPU's registers were all saved. */
static void settle(void)
{
    struct runqueue *queue = this_queue();
    struct vcpu *current = this_cpu()->current;

    if (current != NULL && current->state == VCPU_OFF) {
        unload(current);
        left(current);
    }
    while (queue->empty != 0) {
        unsigned int id = (unsigned int)__builtin_ctz(queue->empty);

        queue->empty &= queue->empty - 1;
        domain_left(domain_by_id(id));
    }
}

/*
 * Nothing can run before `wake`: sleep until an interrupt. It is taken here, since EL2 keeps
 * interrupts masked. The vCPU that blocked last stays loaded until another one is to run: often the
 * interrupt that it waits for is the next thing that happens.
 */
static void idle(uint64_t wake)
{
    struct vcpu *loaded = this_cpu()->current;

    if (loaded != NULL)
        console_domain_flush(loaded->domain);
    timer_set_deadline(wake);
    dsb_sy();
    wfi();
    trap_irq(loaded);
}

void sched_switch(void)
{
    struct cpu *cpu = this_cpu();
    struct vcpu *prev = cpu->current;
    struct vcpu *next;
    uint64_t wake;

    for (;;) {
        settle();
        wake = wake_due(timer_now());
        next = pick(prev);
        if (next != NULL)
            break;
        idle(wake);
    }
    if (next != cpu->current) {
        if (cpu->current != NULL)
            unload(cpu->current);
        load(next);
    }
    cpu->resched = 0;
    cpu->refill = 0;
    this_queue()->slice_end = timer_now() + timer_us(SLICE_US);
    set_deadline(next, wake_due(timer_now()));
    vgic_flush_lrs(next);
}

void sched_start(void)
{
    if (domain_count() == 0)
        all_ended();
    sched_mail();
    sched_switch();
    guest_enter();
}
