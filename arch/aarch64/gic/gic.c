/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the board's interrupt controller in the device tree and hands every call to the driver of
 * its version. Knows no register.
 */
#include <arch/gic.h>
#include <arch/mmu.h>
#include <libfdt.h>

#include "arch/aarch64/gic/gic_ops.h"

#define GICC_SIZE       0x2000
#define GICC_APART_SIZE 0x20000

static const char *const v2_compatible[] = {"arm,gic-400", "arm,cortex-a15-gic",
                                            "arm,cortex-a7-gic"};
static const char *const v3_compatible[] = {"arm,gic-v3"};

static const struct gic_ops *ops;
static struct gic_ranges ranges;

static int find_node(const void *fdt, const char *const *names, unsigned count)
{
    int node = -FDT_ERR_NOTFOUND;

    for (unsigned i = 0; i < count && node < 0; i++)
        node = fdt_node_offset_by_compatible(fdt, -1, names[i]);
    return node;
}

/*
 * The CPU interface is two pages; GICC_DIR, GICV_DIR are in the second (IHI 0048B, 4.1.2). Old
 * trees tell of the first page only. Where pages are 64 KiB apart, so that a system with such pages
 * can give each away, all 4 KiB of those 64 show the same: the last of the first and the first of
 * the second are side by side, as Latch and guests expect them (Arm's SBSA, appendix F).
 */
static void find_two_pages(struct fdt_range *range)
{
    if (range->size >= GICC_APART_SIZE)
        range->base += GICC_APART_SIZE / 2 - PAGE_SIZE;
    range->size = GICC_SIZE;
}

/* Which controller it is and where: sets ops and ranges. */
static enum hv_err discover(const void *fdt)
{
    int node = find_node(fdt, v3_compatible, ARRAY_SIZE(v3_compatible));
    int bus;

    if (node >= 0) {
        const fdt32_t *count = fdt_getprop(fdt, node, "#redistributor-regions", NULL);
        unsigned n = count == NULL ? 1 : fdt32_to_cpu(*count);

        bus = fdt_parent_offset(fdt, node);
        if (n > GIC_MAX_GICR_REGIONS || !fdt_reg(fdt, bus, node, 0, &ranges.gicd))
            return HV_EINVAL;
        for (unsigned i = 0; i < n; i++)
            if (!fdt_reg(fdt, bus, node, 1 + i, &ranges.gicr[i]))
                return HV_EINVAL;
        ranges.nr_gicr = n;
        ops = &gicv3_ops;
        return HV_OK;
    }
    node = find_node(fdt, v2_compatible, ARRAY_SIZE(v2_compatible));
    if (node < 0)
        return HV_ENOENT;
    bus = fdt_parent_offset(fdt, node);
    if (!fdt_reg(fdt, bus, node, 0, &ranges.gicd) || !fdt_reg(fdt, bus, node, 1, &ranges.gicc) ||
        !fdt_reg(fdt, bus, node, 2, &ranges.gich) || !fdt_reg(fdt, bus, node, 3, &ranges.gicv))
        return HV_EINVAL;
    find_two_pages(&ranges.gicc);
    find_two_pages(&ranges.gicv);
    ops = &gicv2_ops;
    return HV_OK;
}

static enum hv_err map_range(const struct fdt_range *range)
{
    return range->size == 0 ? HV_OK : el2_map_device(pa_of(range->base), range->size);
}

enum hv_err gic_init(const void *fdt)
{
    enum hv_err err = discover(fdt);

    if (err == HV_OK)
        err = map_range(&ranges.gicd);
    if (err == HV_OK)
        err = map_range(&ranges.gicc);
    if (err == HV_OK)
        err = map_range(&ranges.gich);
    for (unsigned i = 0; err == HV_OK && i < ranges.nr_gicr; i++)
        err = map_range(&ranges.gicr[i]);
    if (err == HV_OK)
        err = ops->init(&ranges);
    return err;
}

enum hv_err gic_init_cpu(void)
{
    enum hv_err err = ops->init_cpu();

    if (err == HV_OK)
        ops->enable(GIC_PPI_MAINTENANCE, true);
    return err;
}

unsigned gic_version(void) { return ops->version; }

unsigned gic_nr_lrs(void) { return ops->nr_lrs(); }

pa_t gic_gicd_pa(void) { return pa_of(ranges.gicd.base); }

pa_t gic_gicc_pa(void) { return pa_of(ranges.gicc.base); }

pa_t gic_gicr_pa(void) { return pa_of(ranges.gicr[0].base); }

pa_t gic_gicv_pa(void) { return pa_of(ranges.gicv.base); }

unsigned gic_ack(void) { return ops->ack(); }

void gic_drop(unsigned intid) { ops->drop(intid); }

void gic_deactivate(unsigned intid) { ops->deactivate(intid); }

void gic_enable(unsigned intid) { ops->enable(intid, true); }

void gic_disable(unsigned intid) { ops->enable(intid, false); }

void gic_set_active(unsigned intid, bool active) { ops->set_active(intid, active); }

void gic_send_ipi(const struct cpu *to) { ops->send_ipi(to); }

void gic_vcpu_reset(struct gic_vcpu *state) { ops->vcpu_reset(state); }

void gic_vcpu_load(const struct gic_vcpu *state) { ops->vcpu_load(state); }

void gic_vcpu_save(struct gic_vcpu *state) { ops->vcpu_save(state); }

void gic_lr_write(unsigned n, struct lr lr) { ops->lr_write(n, lr); }

struct lr gic_lr_read(unsigned n) { return ops->lr_read(n); }

uint32_t gic_elrsr(void) { return ops->elrsr(); }

void gic_set_notify(uint64_t conditions) { ops->set_notify(conditions); }

unsigned gic_ended(void) { return ops->ended(); }
