/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "vgic_machine.h"

#include "core/console.h"
#include "core/sched.h"

struct domain dom;
struct vcpu vcpus[2];
uint64_t lrs[2][NR_LRS];
uint64_t hw_notify;
unsigned hw_ended;
bool physical_active;
unsigned cpu;
unsigned kicked;
unsigned wakes;
char sent[64];

static unsigned version;
static bool io_locked;
static unsigned nr_sent;

unsigned gic_version(void) { return version; }

unsigned gic_nr_lrs(void) { return NR_LRS; }

void gic_set_active(unsigned intid, bool active)
{
    assert_int_equal(intid, GIC_PPI_VTIMER);
    physical_active = active;
}

void gic_vcpu_reset(struct gic_vcpu *state) { memset(state, 0, sizeof(*state)); }

void gic_vcpu_load(const struct gic_vcpu *state)
{
    for (unsigned n = 0; n < NR_LRS; n++)
        hw_lr[n] = state->live & BIT64(n) ? state->lr[n] : 0;
}

void gic_vcpu_save(struct gic_vcpu *state)
{
    for (unsigned n = 0; n < NR_LRS; n++) {
        state->lr[n] = hw_lr[n];
        hw_lr[n] = 0;
    }
}

void gic_lr_write(unsigned n, struct lr lr) { hw_lr[n] = lr.raw; }

struct lr gic_lr_read(unsigned n) { return (struct lr){hw_lr[n]}; }

uint32_t gic_elrsr(void)
{
    uint32_t empty = 0;

    for (unsigned n = 0; n < NR_LRS; n++)
        if (!(hw_lr[n] & LR_STATE))
            empty |= (uint32_t)BIT64(n);
    return empty;
}

void gic_set_notify(uint64_t conditions)
{
    hw_notify = conditions;
    hw_ended = 0;
}

unsigned gic_ended(void) { return hw_ended; }

void sched_wake(struct vcpu *v)
{
    (void)v;
    wakes++;
}

void sched_kick(struct vcpu *v)
{
    kicked |= 1u << v->id;
    sched_wake(v);
}

struct vcpu *current_vcpu(void) { return &vcpus[cpu]; }

void domain_io_acquire(struct domain *d)
{
    assert_false(io_locked);
    io_locked = true;
    (void)d;
}

void domain_io_release(struct domain *d)
{
    assert_true(io_locked);
    io_locked = false;
    (void)d;
}

void console_guest_putc(struct domain *d, char c)
{
    (void)d;
    sent[nr_sent++ % sizeof(sent)] = c;
}

/* The guest. */
void write_reg(uint64_t ipa, unsigned size, uint64_t value)
{
    assert_int_equal(vgic_mmio(&vcpus[cpu], ipa, size, true, &value), MMIO_DONE);
}

uint64_t read_reg(uint64_t ipa, unsigned size)
{
    uint64_t value = 0;

    assert_int_equal(vgic_mmio(&vcpus[cpu], ipa, size, false, &value), MMIO_DONE);
    return value;
}

void enter(void) { vgic_flush_lrs(&vcpus[cpu]); }

/* List register that holds `intid` in `state`, or -1. */
int find(unsigned intid, uint64_t state)
{
    for (int n = 0; n < NR_LRS; n++)
        if ((hw_lr[n] & 0x3ff) == intid && (hw_lr[n] & LR_STATE) == state)
            return n;
    return -1;
}

void acknowledge(unsigned intid)
{
    int n = find(intid, LR_PENDING);

    assert_true(n >= 0);
    hw_lr[n] ^= LR_STATE;
}

/* Returns whether the CPU would raise the maintenance interrupt for it. */
bool end(unsigned intid)
{
    int n = find(intid, LR_ACTIVE);

    assert_true(n >= 0);
    hw_lr[n] &= ~LR_STATE;
    if (hw_lr[n] & LR_HW)
        physical_active = false;
    return !(hw_lr[n] & LR_HW) && (hw_lr[n] & LR_EOI);
}

static void start(unsigned gic)
{
    version = gic;
    memset(&dom, 0, sizeof(dom));
    memset(vcpus, 0, sizeof(vcpus));
    memset(lrs, 0, sizeof(lrs));
    cpu = 0;
    kicked = 0;
    hw_notify = 0;
    hw_ended = 0;
    physical_active = false;
    wakes = 0;
    nr_sent = 0;
    dom.nr_vcpus = 2;
    dom.layout = (struct layout){.gicd = GICD, .gicr = gic == 3 ? GICR : 0, .uart = UART};
    for (unsigned i = 0; i < 2; i++) {
        dom.vcpu[i] = &vcpus[i];
        vcpus[i].domain = &dom;
        vcpus[i].id = i;
    }
    vgic_init(&dom);
    vpl011_init(&dom);
    vgic_load(&vcpus[0]);
    write_reg(GICD, 4, 3);
}

int start_v2(void **state)
{
    (void)state;
    start(2);
    return 0;
}

int start_v3(void **state)
{
    (void)state;
    start(3);
    return 0;
}

void enable_spi(unsigned intid) { write_reg(GICD + 0x100 + intid / 32 * 4, 4, BIT64(intid % 32)); }
