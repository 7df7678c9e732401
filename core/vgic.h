/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interrupt controller a domain sees: an emulated distributor (and, on GICv3, one
 * redistributor per vCPU); the CPU interface is the hardware's.
 *
 * What a vCPU's list registers hold is read back only when something needs it: an interrupt that
 * is already in one, a register that shows pending or active state, a lack of room, a switch of
 * vCPUs. A plain exit touches nothing, so nothing has to be called for it; what became pending is
 * put into list registers before the guest is entered, by sched_kick().
 *
 * All of it runs with interrupts masked, under the domain's io_lock: the functions below take it,
 * but where they say otherwise. The list registers of a vCPU that is loaded on another CPU cannot
 * be reached. What is to change about an interrupt in one of them is noted in its `asked` and in
 * the vCPU's `recheck`, and that CPU is interrupted: it takes the interrupt out, changes it, and
 * puts it where it now belongs. To the guest that is a distributor that takes a moment, which
 * GICD_CTLR.RWP and GICR_CTLR.RWP show; a read that needs to know such an interrupt's state is
 * tried again until that CPU has noted it down.
 */
#pragma once

#include <arch/gic.h>

#include "core/mmio.h"
#include "ptwr/base.h"

struct domain;
struct vcpu;

#define VGIC_MAX_VCPUS  8
#define VGIC_NR_PRIVATE GIC_NR_PRIVATE
#define VGIC_NR_SPIS    64
#define VGIC_NR_INTIDS  (VGIC_NR_PRIVATE + VGIC_NR_SPIS)

#define VGIC_GICD_SIZE_V2 UINT64_C(0x1000)
#define VGIC_GICD_SIZE_V3 UINT64_C(0x10000)
#define VGIC_GICR_STRIDE  UINT64_C(0x20000) /* per vCPU: the RD frame, then the SGI frame */

#define VGIC_NO_LR 0xff

struct vgic_irq {
    uint8_t flags; /* IRQ_* of core/vgic_state.h */
    uint8_t priority;
    uint8_t target;  /* SPI: number of the vCPU. SGI, GICv2: the vCPU that sent the active one */
    uint8_t targets; /* SPI, GICv2: ITARGETSR as written */
    uint8_t lr;      /* list register of the vCPU that holds it, or VGIC_NO_LR */
    uint8_t sources; /* SGI, GICv2: vCPUs that sent it and whose SGI no list register holds */
    uint8_t in;      /* SPI in a list register: number of the vCPU whose it is */
    uint8_t asked;   /* ASKED_* of core/vgic_state.h */
};

/* In struct vcpu, as `vgic`. */
struct vgic_vcpu {
    bool dirty;               /* vgic_flush_lrs() has work */
    bool loaded;              /* the list registers are in the CPU, not in `hw` */
    bool asleep;              /* GICR_WAKER.ProcessorSleep */
    uint32_t waiting_private; /* enabled, pending and in no list register */
    uint64_t waiting_spis;
    uint32_t recheck_private; /* to be taken out of its list register and judged anew */
    uint64_t recheck_spis;
    uint8_t lr_intid[GIC_MAX_LRS]; /* INTID of each list register in hw.live */
    uint32_t notify;               /* GIC_NOTIFY_* that is set */
    struct vgic_irq irq[VGIC_NR_PRIVATE];
    struct gic_vcpu hw; /* hw.live is kept up to date also while loaded */
};

/* In struct domain, as `vgic`. */
struct vgic {
    bool v3;
    uint32_t ctlr; /* GICD_CTLR: the two group enables */
    struct vgic_irq spi[VGIC_NR_SPIS];
};

/* Start state. The domain's vCPUs and its layout are there; its stage 2 need not be. */
void vgic_init(struct domain *d);

/* Back to the start state. No vCPU of the domain is loaded, or only the caller's own. */
void vgic_reset(struct domain *d);

/* A vCPU that is off is about to be on: its CPU interface is reset, its redistributor is not. */
void vgic_vcpu_on(struct vcpu *v);

/*
 * Switching vCPUs. On the way out stop the virtual timer first, then vgic_save(); on the way in
 * vgic_load() first, then start the timer: the physical active state of the timer's interrupt
 * follows the vCPU, and the timer must not fire between.
 */
void vgic_save(struct vcpu *v);
void vgic_load(struct vcpu *v);

/*
 * An access to the emulated registers by the loaded vCPU `v`; `ipa` is aligned to `size`. MMIO_NONE
 * if it does not belong to them. An offset without a register reads as zero and ignores writes.
 */
enum mmio_result vgic_mmio(struct vcpu *v, uint64_t ipa, unsigned size, bool write,
                           uint64_t *value);

/*
 * Sets the input line of a device's interrupt. A level-sensitive interrupt follows the line, an
 * edge-triggered one becomes pending when it rises. `v` counts for private interrupts only and may
 * be NULL for SPIs. Wakes the vCPU if needed. Precondition: io_lock is held.
 */
void vgic_inject(struct domain *d, struct vcpu *v, unsigned intid, bool level);

/*
 * Hands over a physical private interrupt that EL2 has acked and dropped but not deactivated: the
 * guest's EOI will deactivate it. `v` is the loaded vCPU.
 */
void vgic_inject_hw(struct vcpu *v, unsigned intid);

/* A guest's write of ICC_SGI1R_EL1, ICC_ASGI1R_EL1 or ICC_SGI0R_EL1. */
void vgic_sgi1r(struct vcpu *v, uint64_t value);

/* The maintenance interrupt came while `v` was loaded. */
void vgic_maintenance(struct vcpu *v);

/* Would a WFI of this vCPU return at once for an interrupt? */
bool vgic_has_pending(struct vcpu *v);

/* Hands what waits to the list registers of the loaded vCPU. vectors.S calls it for cpu->refill. */
void vgic_fill_lrs(struct vcpu *v);

/* When a vCPU has been loaded. */
#define vgic_flush_lrs(v)                                                                          \
    do {                                                                                           \
        if ((v)->vgic.dirty)                                                                       \
            vgic_fill_lrs(v);                                                                      \
    } while (false)
