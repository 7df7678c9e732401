/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GICv2 with the virtualization extensions (GIC-400 and its like), through memory-mapped frames.
 *
 * Works in the Non-secure view of a controller with Security Extensions and on one without them:
 * in both, bit 0 of the two control registers enables the interrupts Latch uses, and bit 9 of
 * GICC_CTLR is EOImode, as long as the group registers keep their reset value.
 */
#include <arch/barrier.h>

#include "arch/aarch64/gic/gic_ops.h"

#define GICD_ITARGETSR(n) (0x800u + 4 * (n)) /* four interrupts each */

#define GICD_SGIR 0xf00u

#define GICC_CTLR         0x000u
#define GICC_PMR          0x004u
#define GICC_BPR          0x008u
#define GICC_IAR          0x00cu
#define GICC_EOIR         0x010u
#define GICC_DIR          0x1000u
#define GICC_CTLR_ENABLE  BIT64(0)
#define GICC_CTLR_EOIMODE BIT64(9)

#define GICH_HCR    0x000u
#define GICH_VTR    0x004u
#define GICH_VMCR   0x008u
#define GICH_EISR0  0x020u
#define GICH_ELRSR0 0x030u
#define GICH_APR    0x0f0u
#define GICH_LR(n)  (0x100u + 4 * (n))

/* GICH_LR fields, beside the ones of struct lr. */
#define V2LR_HW          BIT64(31)
#define V2LR_GROUP1      BIT64(30)
#define V2LR_STATE_SHIFT 28
#define V2LR_PRIO_SHIFT  23
#define V2LR_PID_SHIFT   10
#define V2LR_EOI         BIT64(19)

static uint64_t gicd;
static uint64_t gicc;
static uint64_t gich;
static unsigned nr_lrs;
static uint8_t self[CPU_MAX]; /* each CPU as the distributor's target fields name it */

/* The target fields of the private interrupts read as this CPU's own mask. */
static uint8_t own_mask(void)
{
    uint8_t mask = (uint8_t)mmio_read32(gicd, GICD_ITARGETSR(0));

    return mask != 0 ? mask : 1; /* a controller for one CPU has no target fields */
}

static enum hv_err v2_init(const struct gic_ranges *ranges)
{
    gicd = ranges->gicd.base;
    gicc = ranges->gicc.base;
    gich = ranges->gich.base;

    mmio_write32(gicd, GICD_CTLR, 0);
    unsigned words = gicd_nr_intids(gicd) / 32;

    for (unsigned n = 1; n < words; n++) {
        gic_quiesce_word(gicd, n);
        for (unsigned i = 0; i < 8; i++)
            mmio_write32(gicd, GICD_ITARGETSR(8 * n + i), own_mask() * 0x01010101u);
    }
    mmio_write32(gicd, GICD_CTLR, 1);
    return HV_OK;
}

static enum hv_err v2_init_cpu(void)
{
    self[this_cpu()->id] = own_mask();
    gic_quiesce_word(gicd, 0);
    mmio_write32(gicd, GICD_ISENABLER(0), 0xffff);

    nr_lrs = (mmio_read32(gich, GICH_VTR) & 0x3f) + 1;
    if (nr_lrs > GIC_MAX_LRS)
        nr_lrs = GIC_MAX_LRS;
    for (unsigned n = 0; n < nr_lrs; n++)
        mmio_write32(gich, GICH_LR(n), 0);
    mmio_write32(gich, GICH_APR, 0);
    mmio_write32(gich, GICH_HCR, 0);

    mmio_write32(gicc, GICC_PMR, 0xff);
    mmio_write32(gicc, GICC_BPR, 0);
    mmio_write32(gicc, GICC_CTLR, (uint32_t)(GICC_CTLR_ENABLE | GICC_CTLR_EOIMODE));
    return HV_OK;
}

static unsigned v2_nr_lrs(void) { return nr_lrs; }

/* With the source CPU of an SGI, which EOIR and DIR want to see again. */
static unsigned v2_ack(void) { return mmio_read32(gicc, GICC_IAR) & 0x1fff; }

static void v2_drop(unsigned ack) { mmio_write32(gicc, GICC_EOIR, ack); }

static void v2_deactivate(unsigned ack) { mmio_write32(gicc, GICC_DIR, ack); }

static void v2_send_ipi(const struct cpu *to)
{
    dsb_sy(); /* Device memory: the stores to Normal memory before it must be seen */
    mmio_write32(gicd, GICD_SGIR, (uint32_t)self[to->id] << 16 | GIC_SGI_IPI);
}

static void v2_enable(unsigned intid, bool on)
{
    unsigned reg = on ? GICD_ISENABLER(intid / 32) : GICD_ICENABLER(intid / 32);

    mmio_write32(gicd, reg, (uint32_t)BIT64(intid % 32));
}

static void v2_set_active(unsigned intid, bool active)
{
    unsigned reg = active ? GICD_ISACTIVER(intid / 32) : GICD_ICACTIVER(intid / 32);

    mmio_write32(gicd, reg, (uint32_t)BIT64(intid % 32));
}

static void v2_vcpu_reset(struct gic_vcpu *state)
{
    *state = (struct gic_vcpu){.hcr = (uint32_t)HCR_EN};
}

static void v2_lr_write(unsigned n, struct lr lr)
{
    uint64_t v = lr.raw & 0x1fff; /* the INTID and, of an SGI, its source */

    v |= (lr.raw >> 62) << V2LR_STATE_SHIFT;
    v |= ((lr.raw >> (LR_PRIO_SHIFT + 3)) & 0x1f) << V2LR_PRIO_SHIFT;
    if (lr.raw & LR_GROUP1)
        v |= V2LR_GROUP1;
    if (lr.raw & LR_HW)
        v |= V2LR_HW | (((lr.raw >> LR_PINTID_SHIFT) & 0x3ff) << V2LR_PID_SHIFT);
    else if (lr.raw & LR_EOI)
        v |= V2LR_EOI;
    mmio_write32(gich, GICH_LR(n), (uint32_t)v);
}

static struct lr v2_lr_read(unsigned n)
{
    uint64_t v = mmio_read32(gich, GICH_LR(n));
    uint64_t raw = (((v >> V2LR_STATE_SHIFT) & 3) << 62) |
                   (((v >> V2LR_PRIO_SHIFT) & 0x1f) << (LR_PRIO_SHIFT + 3));

    if (v & V2LR_GROUP1)
        raw |= LR_GROUP1;
    if (v & V2LR_HW)
        return (struct lr){raw | LR_HW | (((v >> V2LR_PID_SHIFT) & 0x3ff) << LR_PINTID_SHIFT) |
                           (v & 0x3ff)};
    if (v & V2LR_EOI)
        raw |= LR_EOI;
    return (struct lr){raw | (v & 0x1fff)};
}

static void v2_vcpu_load(const struct gic_vcpu *state)
{
    mmio_write32(gich, GICH_VMCR, state->vmcr);
    mmio_write32(gich, GICH_APR, state->ap0r[0]);
    for (unsigned n = 0; n < nr_lrs; n++)
        if (state->live & BIT64(n))
            v2_lr_write(n, (struct lr){state->lr[n]});
    mmio_write32(gich, GICH_HCR, state->hcr);
}

static void v2_vcpu_save(struct gic_vcpu *state)
{
    state->hcr = mmio_read32(gich, GICH_HCR);
    mmio_write32(gich, GICH_HCR, 0);
    state->vmcr = mmio_read32(gich, GICH_VMCR);
    state->ap0r[0] = mmio_read32(gich, GICH_APR);
    for (unsigned n = 0; n < nr_lrs; n++) {
        if (state->live & BIT64(n)) {
            state->lr[n] = v2_lr_read(n).raw;
            mmio_write32(gich, GICH_LR(n), 0);
        }
    }
}

/* ELRSR leaves out those that have an EOI to announce, until they are written: EISR has them. */
static uint32_t v2_elrsr(void)
{
    return mmio_read32(gich, GICH_ELRSR0) | mmio_read32(gich, GICH_EISR0);
}

static void v2_set_notify(uint64_t conditions)
{
    mmio_write32(gich, GICH_HCR, (uint32_t)(HCR_EN | conditions));
}

static unsigned v2_ended(void) { return mmio_read32(gich, GICH_HCR) >> HCR_EOI_COUNT_SHIFT; }

const struct gic_ops gicv2_ops = {
    .version = 2,
    .init = v2_init,
    .init_cpu = v2_init_cpu,
    .nr_lrs = v2_nr_lrs,
    .ack = v2_ack,
    .drop = v2_drop,
    .deactivate = v2_deactivate,
    .enable = v2_enable,
    .set_active = v2_set_active,
    .send_ipi = v2_send_ipi,
    .vcpu_reset = v2_vcpu_reset,
    .vcpu_load = v2_vcpu_load,
    .vcpu_save = v2_vcpu_save,
    .lr_write = v2_lr_write,
    .lr_read = v2_lr_read,
    .elrsr = v2_elrsr,
    .set_notify = v2_set_notify,
    .ended = v2_ended,
};
