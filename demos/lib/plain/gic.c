/* SPDX-License-Identifier: Apache-2.0 */
#include "plain/gic.h"

#include "plain/guest.h"

#define GICD_CTLR         0x000u
#define GICD_CTLR_RWP     BIT64(31)
#define GICD_SGIR         0xf00u
#define GICR_STRIDE       UINT64_C(0x20000)
#define GICR_SGI_FRAME    0x10000u
#define IGROUPR           0x080u
#define ISENABLER         0x100u
#define ICENABLER         0x180u
#define ISPENDR           0x200u
#define ICPENDR           0x280u
#define ISACTIVER         0x300u
#define IPRIORITYR        0x400u
#define ITARGETSR         0x800u
#define GICR_WAKER        0x014u
#define GICR_WAKER_SLEEP  BIT64(1)
#define GICR_WAKER_ASLEEP BIT64(2)
#define GICC_CTLR         0x00u
#define GICC_PMR          0x04u
#define GICC_IAR          0x0cu
#define GICC_EOIR         0x10u
#define GICD_V2_ENABLE    1u
#define GICD_V3_ENABLE    0x12u /* group 1 (non-secure), affinity routing */
#define GICD_SGIR_SELF    (2u << 24)
#define FIRST_SPI         32u
#define IROUTER           0x6000u

#define ICC_PMR                S3_0_C4_C6_0
#define ICC_IAR1               S3_0_C12_C12_0
#define ICC_EOIR1              S3_0_C12_C12_1
#define ICC_SGI1R              S3_0_C12_C11_5
#define ICC_SRE                S3_0_C12_C12_5
#define ICC_IGRPEN             S3_0_C12_C12_7
#define EXPAND(macro, ...)     macro(__VA_ARGS__)
#define READ_ICC(name)         EXPAND(read_sysreg, name)
#define WRITE_ICC(value, name) EXPAND(write_sysreg, value, name)

/* Under a hypervisor the ID register is a trap, which has no place in an interrupt handler. */
static unsigned int version;

void gic_assume(unsigned int known) { version = known; }

unsigned int gic_version(void)
{
    if (version == 0)
        version = ((read_sysreg(id_aa64pfr0_el1) >> 24) & 0xf) != 0 ? 3 : 2;
    return version;
}

static uint64_t redistributor(void) { return GICR_BASE + GICR_STRIDE * gic_cpu(); }

unsigned int gic_cpu(void) { return (unsigned int)read_sysreg(mpidr_el1) & 0xff; }

/* GICv3 keeps SGIs and PPIs in the CPU's redistributor, at the same offsets. */
static uint64_t bank(unsigned int intid)
{
    return gic_version() == 3 && intid < FIRST_SPI ? redistributor() + GICR_SGI_FRAME : GICD_BASE;
}

static uint64_t bit_register(unsigned int intid, unsigned int offset)
{
    return bank(intid) + offset + 4 * (intid / 32);
}

static void set_bit(unsigned int intid, unsigned int offset)
{
    mmio_write32(bit_register(intid, offset), 1u << (intid % 32));
}

static bool get_bit(unsigned int intid, unsigned int offset)
{
    return (mmio_read32(bit_register(intid, offset)) >> (intid % 32) & 1) != 0;
}

static void init_v2(void)
{
    mmio_write32(GICD_BASE + GICD_CTLR, GICD_V2_ENABLE);
    mmio_write32(GICC_BASE + GICC_CTLR, 1);
}

static void init_v3(void)
{
    uint64_t waker = redistributor() + GICR_WAKER;

    WRITE_ICC(READ_ICC(ICC_SRE) | 1, ICC_SRE);
    isb();
    mmio_write32(GICD_BASE + GICD_CTLR, GICD_V3_ENABLE);
    mmio_write32(waker, mmio_read32(waker) & ~(uint32_t)GICR_WAKER_SLEEP);
    while ((mmio_read32(waker) & GICR_WAKER_ASLEEP) != 0)
        ;
    mmio_write32(redistributor() + GICR_SGI_FRAME + IGROUPR, UINT32_MAX);
    WRITE_ICC(1, ICC_IGRPEN);
    isb();
}

void gic_init(void)
{
    if (gic_version() == 3)
        init_v3();
    else
        init_v2();
    gic_set_mask(0xf0);
}

void gic_enable(unsigned int intid)
{
    if (intid >= FIRST_SPI)
        gic_route(intid, 0);
    if (intid >= FIRST_SPI && gic_version() == 3) {
        mmio_write32(bit_register(intid, IGROUPR),
                     mmio_read32(bit_register(intid, IGROUPR)) | 1u << (intid % 32));
    }
    set_bit(intid, ISENABLER);
}

void gic_route(unsigned int spi, unsigned int cpu)
{
    if (gic_version() == 2)
        mmio_write8(GICD_BASE + ITARGETSR + spi, (uint8_t)(1u << cpu));
    else
        mmio_write64(GICD_BASE + IROUTER + 8 * (uint64_t)spi, cpu);
}

void gic_settle(void)
{
    while (gic_version() == 3 && (mmio_read32(GICD_BASE + GICD_CTLR) & GICD_CTLR_RWP) != 0)
        ;
}

void gic_disable(unsigned int intid) { set_bit(intid, ICENABLER); }

bool gic_is_enabled(unsigned int intid) { return get_bit(intid, ISENABLER); }

void gic_set_pending(unsigned int intid) { set_bit(intid, ISPENDR); }

void gic_clear_pending(unsigned int intid) { set_bit(intid, ICPENDR); }

bool gic_is_pending(unsigned int intid) { return get_bit(intid, ISPENDR); }

bool gic_is_active(unsigned int intid) { return get_bit(intid, ISACTIVER); }

void gic_set_priority(unsigned int intid, uint8_t priority)
{
    mmio_write8(bank(intid) + IPRIORITYR + intid, priority);
}

uint8_t gic_priority(unsigned int intid) { return mmio_read8(bank(intid) + IPRIORITYR + intid); }

void gic_set_mask(uint8_t mask)
{
    if (gic_version() == 3)
        WRITE_ICC(mask, ICC_PMR);
    else
        mmio_write32(GICC_BASE + GICC_PMR, mask);
    isb();
}

void gic_send_to_self(unsigned int sgi)
{
    if (gic_version() == 3) {
        dsb_ishst();
        WRITE_ICC((uint64_t)sgi << 24 | 1, ICC_SGI1R); /* CPU 0 of cluster 0: the only one */
        isb();
    } else {
        mmio_write32(GICD_BASE + GICD_SGIR, GICD_SGIR_SELF | sgi);
    }
}

void gic_send(unsigned int sgi, unsigned int cpus)
{
    dsb_ishst();
    if (gic_version() == 3) {
        WRITE_ICC((uint64_t)sgi << 24 | cpus, ICC_SGI1R);
        isb();
    } else {
        mmio_write32(GICD_BASE + GICD_SGIR, cpus << 16 | sgi);
    }
}

uint32_t gic_acknowledge(void)
{
    uint32_t intid;

    if (gic_version() == 2)
        return mmio_read32(GICC_BASE + GICC_IAR);
    intid = (uint32_t)READ_ICC(ICC_IAR1);
    dsb_sy();
    return intid;
}

void gic_end(uint32_t acknowledged)
{
    if (gic_version() == 3)
        WRITE_ICC(acknowledged, ICC_EOIR1);
    else
        mmio_write32(GICC_BASE + GICC_EOIR, acknowledged);
    isb();
}
