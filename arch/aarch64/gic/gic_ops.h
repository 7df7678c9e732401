/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between gic.c and the drivers of the two versions: the operations table, what was found in the
 * device tree, and register access.
 */
#pragma once

#include <arch/cpu.h>
#include <arch/gic.h>

#include "core/fdt_reg.h"
#include "ptwr/base.h"

#define GIC_MAX_GICR_REGIONS 4
#define GIC_PRIORITY         0xa0u /* of every interrupt EL2 takes: there is no preemption in EL2 */

/* What the device tree says, in CPU physical addresses, which are also EL2's virtual ones. */
struct gic_ranges {
    struct fdt_range gicd;
    struct fdt_range gicc;                       /* v2 */
    struct fdt_range gich;                       /* v2 */
    struct fdt_range gicv;                       /* v2 */
    struct fdt_range gicr[GIC_MAX_GICR_REGIONS]; /* v3 */
    unsigned nr_gicr;
};

struct gic_ops {
    unsigned version;
    enum hv_err (*init)(const struct gic_ranges *ranges);
    enum hv_err (*init_cpu)(void);
    unsigned (*nr_lrs)(void);
    unsigned (*ack)(void);
    void (*drop)(unsigned intid);
    void (*deactivate)(unsigned intid);
    void (*enable)(unsigned intid, bool on);
    void (*set_active)(unsigned intid, bool active);
    void (*send_ipi)(const struct cpu *to);
    void (*vcpu_reset)(struct gic_vcpu *state);
    void (*vcpu_load)(const struct gic_vcpu *state);
    void (*vcpu_save)(struct gic_vcpu *state);
    void (*lr_write)(unsigned n, struct lr lr);
    struct lr (*lr_read)(unsigned n);
    uint32_t (*elrsr)(void);
    void (*set_notify)(uint64_t conditions);
    unsigned (*ended)(void);
};

extern const struct gic_ops gicv2_ops;
extern const struct gic_ops gicv3_ops;

/* Distributor registers that both versions have. */
#define GICD_CTLR          0x000u
#define GICD_TYPER         0x004u
#define GICD_IGROUPR(n)    (0x080u + 4 * (n))
#define GICD_ISENABLER(n)  (0x100u + 4 * (n))
#define GICD_ICENABLER(n)  (0x180u + 4 * (n))
#define GICD_ICPENDR(n)    (0x280u + 4 * (n))
#define GICD_ISACTIVER(n)  (0x300u + 4 * (n))
#define GICD_ICACTIVER(n)  (0x380u + 4 * (n))
#define GICD_IPRIORITYR(n) (0x400u + 4 * (n)) /* four interrupts each */

/* Conditions are in the layout of GICH_HCR and ICH_HCR_EL2, which agree in their low bits. */
#define HCR_EN              BIT64(0)
#define HCR_EOI_COUNT_SHIFT 27 /* in both, to bit 31 */

static inline uint32_t mmio_read32(uint64_t base, unsigned offset)
{
    return *(volatile uint32_t *)(uintptr_t)(base + offset);
}

static inline void mmio_write32(uint64_t base, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)(base + offset) = value;
}

static inline uint64_t mmio_read64(uint64_t base, unsigned offset)
{
    return *(volatile uint64_t *)(uintptr_t)(base + offset);
}

static inline void mmio_write64(uint64_t base, unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(uintptr_t)(base + offset) = value;
}

/* Number of INTIDs the distributor implements, from GICD_TYPER.ITLinesNumber. */
static inline unsigned gicd_nr_intids(uint64_t gicd)
{
    unsigned n = ((mmio_read32(gicd, GICD_TYPER) & 0x1f) + 1) * 32;

    return n < GIC_MAX_INTID ? n : GIC_MAX_INTID;
}

/*
 * Disables, unpends and deactivates the 32 interrupts of word `n` and gives them one priority.
 * `base` is a distributor, or a redistributor's SGI frame, which has the same layout.
 */
static inline void gic_quiesce_word(uint64_t base, unsigned n)
{
    mmio_write32(base, GICD_ICENABLER(n), UINT32_MAX);
    mmio_write32(base, GICD_ICPENDR(n), UINT32_MAX);
    mmio_write32(base, GICD_ICACTIVER(n), UINT32_MAX);
    for (unsigned i = 0; i < 8; i++)
        mmio_write32(base, GICD_IPRIORITYR(8 * n + i), GIC_PRIORITY * 0x01010101u);
}
