/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Round robin over the vCPUs of the boot CPU. A vCPU is in the ring from sched_add() until its
 * domain ends; the ring is small, so every question walks it. Everything runs with interrupts
 * masked; interrupts are taken while a guest runs and in idle().
 */
#include "core/sched.h"

#include <arch/barrier.h>
#include <arch/cpu.h>
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

static struct vcpu *ring; /* any member, or NULL */
static uint64_t slice_end;

struct vcpu *current_vcpu(void) { return this_cpu()->current; }

static bool in_ring(const struct vcpu *vcpu)
{
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

void sched_add(struct vcpu *vcpu)
{
    vcpu->state = VCPU_RUNNABLE;
    this_cpu()->resched = 1;
    if (in_ring(vcpu))
        return;
    if (ring == NULL) {
        vcpu->next = vcpu;
        ring = vcpu;
        return;
    }
    vcpu->next = ring->next;
    ring->next = vcpu;
}

static void ring_remove(struct vcpu *vcpu)
{
    struct vcpu *before = vcpu;

    while (before->next != vcpu)
        before = before->next;
    before->next = vcpu->next;
    if (ring == vcpu)
        ring = before == vcpu ? NULL : before;
}

/*
 * vcpu->next keeps pointing into the ring, so that sched_switch() finds who comes after a vCPU
 * that has just left.
 */
void sched_remove_domain(struct domain *d)
{
    for (unsigned int i = 0; i < d->nr_vcpus; i++) {
        struct vcpu *vcpu = d->vcpu[i];

        if (in_ring(vcpu))
            ring_remove(vcpu);
        vcpu->state = VCPU_OFF;
    }
    this_cpu()->resched = 1;
}

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

void sched_kick(struct vcpu *vcpu)
{
    this_cpu()->refill = 1;
    sched_wake(vcpu);
}

void sched_yield(struct vcpu *vcpu)
{
    (void)vcpu;
    this_cpu()->resched = 1;
}

/* The earliest timer of a blocked vCPU; those that are due are woken instead. */
static uint64_t wake_due(uint64_t now)
{
    uint64_t first = TIMER_NEVER;
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

    if (running != NULL && other_runnable(running) && slice_end < when)
        when = slice_end;
    timer_set_deadline(when);
}

void sched_timer(void)
{
    uint64_t now = timer_now();
    uint64_t wake = wake_due(now);
    struct cpu *cpu = this_cpu();

    if (cpu->current != NULL && now >= slice_end && other_runnable(cpu->current)) {
        cpu->resched = 1;
        timer_set_deadline(TIMER_NEVER); /* sched_switch() sets the next one */
        return;
    }
    set_deadline(cpu->current, wake);
}

/* The first runnable vCPU behind `from`, `from` itself last; NULL. */
static struct vcpu *pick(struct vcpu *from)
{
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
    if (d->kind != DOMAIN_PLAIN && d->state == DOMAIN_RUNNING && !d->reset_pending)
        direct_preempt(vcpu, vcpu->state == VCPU_BLOCKED ? PTWR_T_BLOCK : PTWR_T_PREEMPT);
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

/*
 * Nothing can run before `wake`: sleep until an interrupt. It is taken here, since EL2 keeps
 * interrupts masked. The vCPU that blocked last stays loaded until another one is to run: often the
 * interrupt that it waits for is the next thing that happens.
 */
static void idle(uint64_t wake)
{
    struct vcpu *loaded = this_cpu()->current;

    if (ring == NULL)
        all_ended();
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

    if (prev != NULL && (prev->domain->reset_pending || prev->state == VCPU_OFF)) {
        unload(prev);
        if (prev->domain->reset_pending) {
            prev->domain->reset_pending = false;
            domain_reset(prev->domain);
        }
    }
    for (;;) {
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
    /* Trapped even when no other vCPU is there: its unfinished console line is shown then. */
    arch_vcpu_trap_wfi(true);
    cpu->resched = 0;
    cpu->refill = 0;
    slice_end = timer_now() + timer_us(SLICE_US);
    set_deadline(next, wake_due(timer_now()));
    vgic_flush_lrs(next);
}

void sched_start(void)
{
    if (ring == NULL)
        all_ended();
    sched_switch();
    guest_enter();
}
