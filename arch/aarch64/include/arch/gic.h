/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's interrupt controller as the rest of Latch sees it: the same calls for GICv2 and
 * GICv3, chosen once at start.
 *
 * EL2 takes every physical interrupt with split priority drop and deactivation. An interrupt that
 * EL2 handles itself is acked, dropped, deactivated. One that is handed to a guest as a hardware
 * interrupt is acked and dropped only: the guest's own EOI deactivates it through the list
 * register. Everything here acts on the calling CPU, with interrupts masked.
 */
#pragma once

#include "ptwr/base.h"

struct cpu;

#define GIC_NR_PRIVATE     32   /* SGIs 0..15 and PPIs 16..31 */
#define GIC_MAX_INTID      1020 /* INTIDs from here on are special */
#define GIC_INTID_SPURIOUS 1023

/* The one physical SGI: EL2 sends it to itself. Those of guests are virtual. */
#define GIC_SGI_IPI 0

#define GIC_PPI_MAINTENANCE 25
#define GIC_PPI_HYP_TIMER   26
#define GIC_PPI_VTIMER      27

#define GIC_MAX_LRS 16

/*
 * A list register in the layout of ICH_LR<n>_EL2; the GICv2 driver converts. The EOI bit overlaps
 * the physical INTID and only counts when HW is 0. On GICv2 an SGI carries the sending vCPU in
 * bits 12:10 of the virtual INTID, as GICC_IAR shows it.
 */
struct lr {
    uint64_t raw;
};

#define LR_PENDING      BIT64(62)
#define LR_ACTIVE       BIT64(63)
#define LR_STATE        (LR_PENDING | LR_ACTIVE)
#define LR_HW           BIT64(61)
#define LR_GROUP1       BIT64(60)
#define LR_EOI          BIT64(41)
#define LR_PRIO_SHIFT   48
#define LR_PINTID_SHIFT 32
#define LR_SOURCE_SHIFT 10

static inline unsigned gic_intid(unsigned ack) { return ack & 0x3ff; }

static inline unsigned lr_intid(struct lr lr) { return (unsigned)(lr.raw & 0x3ff); }
static inline unsigned lr_source(struct lr lr) { return (unsigned)(lr.raw >> LR_SOURCE_SHIFT) & 7; }

/* The CPU interface of a vCPU that is not loaded. `live` names the list registers in use. */
struct gic_vcpu {
    uint64_t lr[GIC_MAX_LRS];
    uint32_t live;
    uint32_t hcr;
    uint32_t vmcr;
    uint32_t ap0r[4];
    uint32_t ap1r[4];
};

/* Maintenance conditions, for gic_set_notify(). */
#define GIC_NOTIFY_NONE      0u
#define GIC_NOTIFY_UNDERFLOW BIT64(1) /* at most one list register still valid (UIE) */
#define GIC_NOTIFY_NO_ENTRY  BIT64(2) /* one was ended that is in no list register (LRENPIE) */
#define GIC_NOTIFY_NO_PEND   BIT64(3) /* no list register pending (NPIE) */

/*
 * Finds the controller in the device tree, maps it, and leaves every SPI disabled, at one priority
 * and routed to this CPU. HV_ENOENT if there is no GIC with virtualization that Latch knows.
 */
NODISCARD
enum hv_err gic_init(const void *fdt);

/* Opens this CPU's interface; on the boot CPU after gic_init(). */
NODISCARD
enum hv_err gic_init_cpu(void);

unsigned gic_version(void); /* 2 or 3 */
unsigned gic_nr_lrs(void);
pa_t gic_gicv_pa(void); /* GICv2 only: the virtual CPU interface, two pages */
pa_t gic_gicd_pa(void);
/* What the board calls its CPU interface (v2) and redistributors (v3): direct domains see these. */
pa_t gic_gicc_pa(void);
pa_t gic_gicr_pa(void);

/*
 * What the CPU interface says came, for gic_drop() and gic_deactivate(): its low bits, gic_intid(),
 * are the INTID, or GIC_INTID_SPURIOUS or another special one. GICv2 has the sender of an SGI
 * above.
 */
unsigned gic_ack(void);
void gic_drop(unsigned ack);
void gic_deactivate(unsigned ack);
void gic_enable(unsigned intid);
void gic_disable(unsigned intid);
void gic_set_active(unsigned intid, bool active);

/* GIC_SGI_IPI at another CPU, whose interface is open; what was stored before is seen there. */
void gic_send_ipi(const struct cpu *to);

/*
 * The virtual CPU interface. gic_vcpu_reset() gives the state of a vCPU that has not run;
 * load/save move it in and out of the CPU. Between them the list registers are in the CPU.
 */
void gic_vcpu_reset(struct gic_vcpu *state);
void gic_vcpu_load(const struct gic_vcpu *state);
void gic_vcpu_save(struct gic_vcpu *state);
void gic_lr_write(unsigned n, struct lr lr);
struct lr gic_lr_read(unsigned n);
uint32_t gic_elrsr(void); /* a bit for every list register that is neither pending nor active */
/* From here on gic_ended() counts from 0. */
void gic_set_notify(uint64_t conditions);
/* How many active interrupts the guest has ended that were in no list register (EOIcount). */
unsigned gic_ended(void);
