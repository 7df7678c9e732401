/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GICv3 and GICv4 without LPIs: distributor and redistributors through memory, CPU and virtual CPU
 * interface through system registers. Affinity routing is always on.
 */
#include <arch/barrier.h>
#include <arch/sysreg.h>

#include "arch/aarch64/gic/gic_ops.h"

#define GICD_CTLR_ENABLE 0x3u /* both groups; with two Security states, both Non-secure views */
#define GICD_CTLR_ARE    BIT64(4)
#define GICD_CTLR_RWP    BIT64(31)
#define GICD_IROUTER(n)  (0x6000u + 8 * (n))

#define GICR_CTLR         0x0000u
#define GICR_TYPER        0x0008u
#define GICR_WAKER        0x0014u
#define GICR_SGI_FRAME    0x10000u
#define GICR_FRAME_SIZE   0x20000u
#define GICR_FRAME_SIZE_4 0x40000u /* with the two frames for virtual LPIs */
#define GICR_CTLR_RWP     BIT64(3)
#define GICR_TYPER_VLPIS  BIT64(1)
#define GICR_TYPER_LAST   BIT64(4)
#define WAKER_SLEEP       BIT64(1)
#define WAKER_ASLEEP      BIT64(2)

#define ICC_SRE_ALL        0xfu /* SRE, DFB, DIB, Enable */
#define ICC_CTLR_EOIMODE   BIT64(1)
#define ICH_VMCR_VFIQEN    BIT64(3) /* RES1 with system registers */
#define ICH_VTR_LISTREGS   0x1fu
#define ICH_VTR_PREBITS(v) (((v) >> 26) & 7)

#define MAX_SPIN 1000000u /* polls of a register that a healthy controller changes in a few */

static uint64_t gicd;
static uint64_t gicr[CPU_MAX]; /* SGI frame of each CPU */
static struct gic_ranges found;
static unsigned nr_lrs;
static unsigned nr_aprs; /* of each group */

static enum hv_err wait_clear(uint64_t base, unsigned offset, uint64_t mask)
{
    for (unsigned i = 0; i < MAX_SPIN; i++)
        if (!(mmio_read32(base, offset) & mask))
            return HV_OK;
    return HV_EBUSY;
}

static uint64_t own_affinity(void)
{
    uint64_t mpidr = read_sysreg(mpidr_el1);

    return (mpidr & GENMASK64(23, 0)) | (mpidr & GENMASK64(39, 32));
}

static enum hv_err v3_init(const struct gic_ranges *ranges)
{
    found = *ranges;
    gicd = ranges->gicd.base;

    mmio_write32(gicd, GICD_CTLR, 0);
    if (wait_clear(gicd, GICD_CTLR, GICD_CTLR_RWP) != HV_OK)
        return HV_EBUSY;

    unsigned nr = gicd_nr_intids(gicd);

    for (unsigned n = 1; n < (nr + 31) / 32; n++) {
        gic_quiesce_word(gicd, n);
        mmio_write32(gicd, GICD_IGROUPR(n), UINT32_MAX);
    }
    /* Routing can be set only once affinity routing is on. */
    mmio_write32(gicd, GICD_CTLR, (uint32_t)GICD_CTLR_ARE);
    for (unsigned i = 32; i < nr; i++)
        mmio_write64(gicd, GICD_IROUTER(i), own_affinity());
    mmio_write32(gicd, GICD_CTLR, (uint32_t)GICD_CTLR_ARE | GICD_CTLR_ENABLE);
    return wait_clear(gicd, GICD_CTLR, GICD_CTLR_RWP);
}

/* The redistributor of this CPU, or 0. A region ends at its Last frame or at its size. */
static uint64_t find_gicr(void)
{
    uint64_t mpidr = own_affinity();
    uint64_t affinity = (mpidr & GENMASK64(23, 0)) | ((mpidr >> 8) & GENMASK64(31, 24));

    for (unsigned i = 0; i < found.nr_gicr; i++) {
        uint64_t base = found.gicr[i].base;
        uint64_t end = base + found.gicr[i].size;

        while (base + GICR_FRAME_SIZE <= end) {
            uint64_t typer = mmio_read64(base, GICR_TYPER);

            if (typer >> 32 == affinity)
                return base;
            if (typer & GICR_TYPER_LAST)
                break;
            base += typer & GICR_TYPER_VLPIS ? GICR_FRAME_SIZE_4 : GICR_FRAME_SIZE;
        }
    }
    return 0;
}

static enum hv_err wake_gicr(uint64_t rd)
{
    uint32_t waker = mmio_read32(rd, GICR_WAKER);

    mmio_write32(rd, GICR_WAKER, waker & ~(uint32_t)WAKER_SLEEP);
    return wait_clear(rd, GICR_WAKER, WAKER_ASLEEP);
}

static void v3_lr_write(unsigned n, struct lr lr)
{
    switch (n) {
#define CASE(i)                                                                                    \
    case i:                                                                                        \
        write_sysreg(lr.raw, ich_lr##i##_el2);                                                     \
        break
        CASE(0);
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
        CASE(13);
        CASE(14);
        CASE(15);
#undef CASE
    default:
        break;
    }
}

static struct lr v3_lr_read(unsigned n)
{
    switch (n) {
#define CASE(i)                                                                                    \
    case i:                                                                                        \
        return (struct lr){read_sysreg(ich_lr##i##_el2)}
        CASE(0);
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
        CASE(13);
        CASE(14);
        CASE(15);
#undef CASE
    default:
        return (struct lr){0};
    }
}

/* Active priorities: 1, 2 or 4 registers per group, by the number of preemption bits. */
static void load_aprs(const struct gic_vcpu *state)
{
    write_sysreg(state->ap0r[0], ich_ap0r0_el2);
    write_sysreg(state->ap1r[0], ich_ap1r0_el2);
    if (nr_aprs < 2)
        return;
    write_sysreg(state->ap0r[1], ich_ap0r1_el2);
    write_sysreg(state->ap1r[1], ich_ap1r1_el2);
    if (nr_aprs < 4)
        return;
    write_sysreg(state->ap0r[2], ich_ap0r2_el2);
    write_sysreg(state->ap1r[2], ich_ap1r2_el2);
    write_sysreg(state->ap0r[3], ich_ap0r3_el2);
    write_sysreg(state->ap1r[3], ich_ap1r3_el2);
}

static void save_aprs(struct gic_vcpu *state)
{
    state->ap0r[0] = (uint32_t)read_sysreg(ich_ap0r0_el2);
    state->ap1r[0] = (uint32_t)read_sysreg(ich_ap1r0_el2);
    if (nr_aprs < 2)
        return;
    state->ap0r[1] = (uint32_t)read_sysreg(ich_ap0r1_el2);
    state->ap1r[1] = (uint32_t)read_sysreg(ich_ap1r1_el2);
    if (nr_aprs < 4)
        return;
    state->ap0r[2] = (uint32_t)read_sysreg(ich_ap0r2_el2);
    state->ap1r[2] = (uint32_t)read_sysreg(ich_ap1r2_el2);
    state->ap0r[3] = (uint32_t)read_sysreg(ich_ap0r3_el2);
    state->ap1r[3] = (uint32_t)read_sysreg(ich_ap1r3_el2);
}

static void init_virtual(void)
{
    uint64_t vtr = read_sysreg(ich_vtr_el2);
    unsigned prebits = (unsigned)ICH_VTR_PREBITS(vtr) + 1;
    const struct gic_vcpu none = {0};

    nr_lrs = (unsigned)(vtr & ICH_VTR_LISTREGS) + 1;
    if (nr_lrs > GIC_MAX_LRS)
        nr_lrs = GIC_MAX_LRS;
    nr_aprs = prebits >= 7 ? 4 : prebits == 6 ? 2 : 1;
    write_sysreg(0, ich_hcr_el2);
    for (unsigned n = 0; n < nr_lrs; n++)
        v3_lr_write(n, (struct lr){0});
    load_aprs(&none);
}

static enum hv_err v3_init_cpu(void)
{
    uint64_t rd = find_gicr();
    uint64_t sgi_frame;

    if (rd == 0)
        return HV_ENOENT;
    if (wake_gicr(rd) != HV_OK)
        return HV_EBUSY;
    sgi_frame = rd + GICR_SGI_FRAME;
    gicr[this_cpu()->id] = sgi_frame;
    gic_quiesce_word(sgi_frame, 0);
    mmio_write32(sgi_frame, GICD_IGROUPR(0), UINT32_MAX);
    mmio_write32(sgi_frame, GICD_ISENABLER(0), 0xffff);
    if (wait_clear(rd, GICR_CTLR, GICR_CTLR_RWP) != HV_OK)
        return HV_EBUSY;

    write_sysreg(ICC_SRE_ALL, icc_sre_el2);
    isb();
    write_sysreg(7, icc_sre_el1); /* guests have system registers only */
    init_virtual();
    write_sysreg(0xff, icc_pmr_el1);
    write_sysreg(0, icc_bpr1_el1);
    write_sysreg(ICC_CTLR_EOIMODE, icc_ctlr_el1);
    write_sysreg(1, icc_igrpen1_el1);
    isb();
    return HV_OK;
}

static unsigned v3_nr_lrs(void) { return nr_lrs; }

static unsigned v3_ack(void)
{
    unsigned intid = (unsigned)read_sysreg(icc_iar1_el1);

    dsb_sy(); /* the acknowledge has reached the redistributor before anything that follows */
    return intid;
}

static void v3_drop(unsigned intid)
{
    write_sysreg(intid, icc_eoir1_el1);
    isb();
}

static void v3_deactivate(unsigned intid)
{
    write_sysreg(intid, icc_dir_el1);
    isb();
}

static void write_bit(unsigned intid, unsigned offset)
{
    uint64_t base = intid < GIC_NR_PRIVATE ? gicr[this_cpu()->id] : gicd;

    mmio_write32(base, offset, (uint32_t)BIT64(intid % 32));
}

static void v3_enable(unsigned intid, bool on)
{
    write_bit(intid, on ? GICD_ISENABLER(intid / 32) : GICD_ICENABLER(intid / 32));
}

static void v3_set_active(unsigned intid, bool active)
{
    write_bit(intid, active ? GICD_ISACTIVER(intid / 32) : GICD_ICACTIVER(intid / 32));
}

/* ICC_SGI1R_EL1: affinities 3 to 1 as they are, Aff0 as a range of 16 and a bit in it. */
static void v3_send_ipi(const struct cpu *to)
{
    uint64_t mpidr = to->mpidr;
    uint64_t aff0 = mpidr & 0xff;

    dsb_ishst();
    write_sysreg((mpidr >> 32 & 0xff) << 48 | aff0 >> 4 << 44 | (mpidr >> 16 & 0xff) << 32 |
                     (mpidr >> 8 & 0xff) << 16 | (uint64_t)GIC_SGI_IPI << 24 | BIT64(aff0 & 0xf),
                 icc_sgi1r_el1);
    isb();
}

static void v3_vcpu_reset(struct gic_vcpu *state)
{
    *state = (struct gic_vcpu){.hcr = (uint32_t)HCR_EN, .vmcr = (uint32_t)ICH_VMCR_VFIQEN};
}

static void v3_vcpu_load(const struct gic_vcpu *state)
{
    write_sysreg(state->vmcr, ich_vmcr_el2);
    load_aprs(state);
    for (unsigned n = 0; n < nr_lrs; n++)
        if (state->live & BIT64(n))
            v3_lr_write(n, (struct lr){state->lr[n]});
    write_sysreg(state->hcr, ich_hcr_el2);
}

static void v3_vcpu_save(struct gic_vcpu *state)
{
    state->hcr = (uint32_t)read_sysreg(ich_hcr_el2);
    state->vmcr = (uint32_t)read_sysreg(ich_vmcr_el2);
    write_sysreg(0, ich_hcr_el2);
    save_aprs(state);
    for (unsigned n = 0; n < nr_lrs; n++) {
        if (state->live & BIT64(n)) {
            state->lr[n] = v3_lr_read(n).raw;
            v3_lr_write(n, (struct lr){0});
        }
    }
}

/* ELRSR leaves out those that have an EOI to announce, until they are written: EISR has them. */
static uint32_t v3_elrsr(void)
{
    return (uint32_t)(read_sysreg(ich_elrsr_el2) | read_sysreg(ich_eisr_el2));
}

static void v3_set_notify(uint64_t conditions) { write_sysreg(HCR_EN | conditions, ich_hcr_el2); }

static unsigned v3_ended(void)
{
    return (unsigned)(read_sysreg(ich_hcr_el2) >> HCR_EOI_COUNT_SHIFT) & 0x1f;
}

const struct gic_ops gicv3_ops = {
    .version = 3,
    .init = v3_init,
    .init_cpu = v3_init_cpu,
    .nr_lrs = v3_nr_lrs,
    .ack = v3_ack,
    .drop = v3_drop,
    .deactivate = v3_deactivate,
    .enable = v3_enable,
    .set_active = v3_set_active,
    .send_ipi = v3_send_ipi,
    .vcpu_reset = v3_vcpu_reset,
    .vcpu_load = v3_vcpu_load,
    .vcpu_save = v3_vcpu_save,
    .lr_write = v3_lr_write,
    .lr_read = v3_lr_read,
    .elrsr = v3_elrsr,
    .set_notify = v3_set_notify,
    .ended = v3_ended,
};
