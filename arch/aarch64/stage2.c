/* SPDX-License-Identifier: Apache-2.0 */
/* Stage-2 tables (Arm ARM D8.3.2): building them. Who may map what is decided elsewhere. */
#include <arch/stage2.h>

#include <arch/barrier.h>
#include <arch/cache.h>
#include <arch/mmu.h>
#include <arch/sysreg.h>
#include <arch/tlb.h>

#include "core/mem.h"

#define S2_VALID     BIT64(0)
#define S2_TABLE     BIT64(1)
#define S2_PAGE      BIT64(1) /* at level 3 */
#define S2_NORMAL_WB (UINT64_C(0xf) << 2)
#define S2_FORCED_WB (UINT64_C(0x6) << 2) /* the same with HCR_EL2.FWB */
#define S2_NGNRE     (UINT64_C(0x1) << 2)
#define S2AP_READ    BIT64(6)
#define S2AP_WRITE   BIT64(7)
#define S2_SH_INNER  (UINT64_C(3) << 8)
#define S2_AF        BIT64(10)
#define S2_XN        BIT64(54)
#define S2_OA        GENMASK64(47, 12)

#define VTCR_SL0_LEVEL1 (UINT64_C(1) << 6)
#define VTCR_WBWA_INNER (UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(3) << 12)
#define VTCR_RES1       BIT64(31)

#define TCR_NO_WALKS (BIT64(7) | BIT64(23)) /* EPD0, EPD1 */
#define SCTLR_M      BIT64(0)

#define L1_SHIFT 30
#define ENTRIES  512
#define MAX_VMID 255

static uint16_t next_vmid = 1;

unsigned int s2_pa_bits(void)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48};
    uint64_t range = read_sysreg(id_aa64mmfr0_el1) & 0xf;

    return bits[range < ARRAY_SIZE(bits) ? range : ARRAY_SIZE(bits) - 1];
}

enum hv_err s2_init(struct s2 *s2, unsigned int ipa_bits)
{
    uint64_t root_pages = ipa_bits <= 39 ? 1 : UINT64_C(1) << (ipa_bits - 39);

    if (ipa_bits < 32 || ipa_bits > 43 || ipa_bits > s2_pa_bits())
        return HV_EINVAL;
    if (next_vmid > MAX_VMID)
        return HV_E2BIG;
    s2->root = mem_alloc_pages(root_pages, root_pages);
    if (s2->root.raw == 0)
        return HV_ENOMEM;
    s2->vmid = next_vmid++;
    s2->ipa_bits = (uint8_t)ipa_bits;
    return HV_OK;
}

bool s2_forces_write_back(void)
{
    static int8_t known; /* 0: not yet, 1: no, 2: yes. s2_leaf() runs per entry. */

    if (known == 0)
        known = cache_has_fwb() ? 2 : 1;
    return known == 2;
}

uint64_t s2_leaf(pa_t pa, enum s2_attr attr)
{
    uint64_t leaf = pa.raw | S2_AF | S2AP_READ | S2_VALID | S2_PAGE;
    uint64_t normal = s2_forces_write_back() ? S2_FORCED_WB : S2_NORMAL_WB;

    switch (attr) {
    case S2_RO:
        return leaf | normal | S2_SH_INNER;
    case S2_RW:
        return leaf | normal | S2_SH_INNER | S2AP_WRITE;
    case S2_DATA_RO:
        return leaf | normal | S2_SH_INNER | S2_XN;
    case S2_DATA_RW:
        return leaf | normal | S2_SH_INNER | S2AP_WRITE | S2_XN;
    case S2_DEVICE:
    default:
        return leaf | S2_NGNRE | S2AP_WRITE | S2_XN;
    }
}

static uint64_t *entry_table(uint64_t entry) { return (uint64_t *)(uintptr_t)(entry & S2_OA); }

/* The next-level table behind *entry, made if it is missing; NULL: a block, or no memory. */
static uint64_t *descend(uint64_t *entry)
{
    pa_t table;

    if ((*entry & S2_VALID) != 0)
        return (*entry & S2_TABLE) != 0 ? entry_table(*entry) : NULL;
    table = mem_alloc_pages(1, 1);
    if (table.raw == 0)
        return NULL;
    dsb_ishst(); /* the zeroes before the pointer to them */
    *entry = table.raw | S2_VALID | S2_TABLE;
    return (uint64_t *)(uintptr_t)table.raw;
}

static uint64_t *level1_entry(const struct s2 *s2, ipa_t ipa)
{
    return (uint64_t *)(uintptr_t)s2->root.raw + (ipa.raw >> L1_SHIFT);
}

static uint64_t *level2_entry(struct s2 *s2, ipa_t ipa)
{
    uint64_t *table = descend(level1_entry(s2, ipa));

    return table == NULL ? NULL : &table[(ipa.raw >> REGION_SHIFT) & (ENTRIES - 1)];
}

uint64_t *s2_leaf_table(struct s2 *s2, ipa_t ipa)
{
    uint64_t *entry = level2_entry(s2, ipa);

    return entry == NULL ? NULL : descend(entry);
}

static enum hv_err map_step(struct s2 *s2, ipa_t ipa, pa_t pa, enum s2_attr attr, bool block)
{
    uint64_t *entry = level2_entry(s2, ipa);
    uint64_t *table;

    if (entry == NULL)
        return HV_ENOMEM;
    if (block) {
        *entry = s2_leaf(pa, attr) & ~S2_TABLE;
        return HV_OK;
    }
    table = descend(entry);
    if (table == NULL)
        return HV_ENOMEM;
    table[(ipa.raw >> PAGE_SHIFT) & (ENTRIES - 1)] = s2_leaf(pa, attr);
    return HV_OK;
}

enum hv_err s2_map(struct s2 *s2, ipa_t ipa, pa_t pa, uint64_t size, enum s2_attr attr, bool blocks)
{
    if (((ipa.raw | pa.raw | size) & (PAGE_SIZE - 1)) != 0 || ipa.raw + size > UINT64_C(1)
                                                                                   << s2->ipa_bits)
        return HV_EINVAL;
    while (size != 0) {
        bool block = blocks && ((ipa.raw | pa.raw) & (REGION_SIZE - 1)) == 0 && size >= REGION_SIZE;
        uint64_t step = block ? REGION_SIZE : PAGE_SIZE;
        enum hv_err err = map_step(s2, ipa, pa, attr, block);

        if (err != HV_OK)
            return err;
        ipa.raw += step;
        pa.raw += step;
        size -= step;
    }
    dsb_ishst();
    return HV_OK;
}

enum hv_err s2_translate(const struct s2 *s2, ipa_t ipa, pa_t *pa)
{
    uint64_t entry, span = REGION_SIZE;

    if (ipa.raw >> s2->ipa_bits != 0)
        return HV_EFAULT;
    entry = *level1_entry(s2, ipa);
    if ((entry & S2_VALID) == 0)
        return HV_EFAULT;
    entry = entry_table(entry)[(ipa.raw >> REGION_SHIFT) & (ENTRIES - 1)];
    if ((entry & S2_VALID) != 0 && (entry & S2_TABLE) != 0) {
        entry = entry_table(entry)[(ipa.raw >> PAGE_SHIFT) & (ENTRIES - 1)];
        span = PAGE_SIZE;
    }
    if ((entry & S2_VALID) == 0)
        return HV_EFAULT;
    pa->raw = (entry & S2_OA & ~(span - 1)) | (ipa.raw & (span - 1));
    return HV_OK;
}

static uint64_t vtcr(const struct s2 *s2)
{
    uint64_t range = read_sysreg(id_aa64mmfr0_el1) & 0xf;
    uint64_t ps = range > 5 ? 5 : range;

    return (64 - (uint64_t)s2->ipa_bits) | VTCR_SL0_LEVEL1 | VTCR_WBWA_INNER | ps << 16 | VTCR_RES1;
}

static uint64_t vttbr(const struct s2 *s2) { return s2->root.raw | (uint64_t)s2->vmid << 48; }

void s2_load(const struct s2 *s2)
{
    write_sysreg(vtcr(s2), vtcr_el2);
    write_sysreg(vttbr(s2), vttbr_el2);
}

/* Each step is seen before the next: no walks, nothing translated with stage 1 off, then VTTBR. */
void s2_enter(const struct s2 *s2, struct s2_context *saved)
{
    *saved = (struct s2_context){
        .vtcr = read_sysreg(vtcr_el2),
        .vttbr = read_sysreg(vttbr_el2),
        .tcr = read_sysreg(tcr_el1),
        .sctlr = read_sysreg(sctlr_el1),
    };
    write_sysreg(saved->tcr | TCR_NO_WALKS, tcr_el1);
    isb();
    write_sysreg(saved->sctlr | SCTLR_M, sctlr_el1);
    isb();
    s2_load(s2);
    isb();
}

void s2_leave(const struct s2_context *saved)
{
    write_sysreg(saved->vtcr, vtcr_el2);
    write_sysreg(saved->vttbr, vttbr_el2);
    isb();
    write_sysreg(saved->sctlr, sctlr_el1);
    isb();
    write_sysreg(saved->tcr, tcr_el1);
    isb();
}

void s2_flush(const struct s2 *s2)
{
    struct s2_context saved;

    dsb_ishst();
    s2_enter(s2, &saved);
    tlbi_vmalls12e1is();
    dsb_ish();
    tlbi_repeat();
    isb();
    s2_leave(&saved);
}
