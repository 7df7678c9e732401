/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries to read and write every place that is not its own: all 2 MiB steps of its guest physical
 * addresses with the MMU off, every page where the board has devices, then addresses beyond them,
 * and aliases of RAM in the address bits that stage 2 does not have, through page tables.
 */
#include "check.h"
#include "plain/gic.h"
#include "plain/mmu.h"

#define OWN_RAM_END UINT64_C(0x40800000) /* 8 MiB */
#define IPA_END     BIT64(36)
#define STEP        UINT64_C(0x200000)
#define GIB         BIT64(30)
#define DEVICES_END UINT64_C(0x0c000000) /* of virt; PCI windows follow */

static volatile bool aborted;

void guest_exception(struct exception *e)
{
    aborted = true;
    e->elr += 4;
}

static bool loads(uint64_t address)
{
    aborted = false;
    (void)mmio_read64(address);
    return !aborted;
}

static bool stores(uint64_t address)
{
    aborted = false;
    mmio_write64(address, UINT64_C(0xbadbadbadbadbad));
    return !aborted;
}

static bool is_device(uint64_t address)
{
    if (address >= UART_BASE && address < UART_BASE + PAGE_SIZE)
        return true;
    if (gic_version() == 3)
        return (address >= GICD_BASE && address < GICD_BASE + 0x10000) ||
               (address >= GICR_BASE && address < GICR_BASE + 0x20000);
    return (address >= GICD_BASE && address < GICD_BASE + 0x1000) ||
           (address >= GICC_BASE && address < GICC_BASE + 0x2000);
}

/* How many of the places in [from, to) that are not ours let something through. */
static unsigned int scan(uint64_t from, uint64_t to, uint64_t step)
{
    unsigned int through = 0;

    for (uint64_t at = from; at < to; at += step) {
        if (is_device(at) || (at >= RAM_BASE && at < OWN_RAM_END))
            continue;
        if (stores(at) || loads(at)) {
            if (through++ == 0)
                print("first at 0x%lx\n", at);
        }
    }
    return through;
}

/* The same through stage 1, which can name any output address. */
static unsigned int aliases(void)
{
    uint64_t *root = mmu_root();
    unsigned int through = 0;

    for (unsigned int bit = 31; bit < 48; bit++) {
        uint64_t address = UINT64_C(2) << 30;

        root[2] = BIT64(bit) | RAM_BASE | MMU_BLOCK;
        mmu_flush();
        if (stores(address + 0x100000) || loads(address + 0x100000)) {
            print("alias by bit %u\n", bit);
            through++;
        }
    }
    return through;
}

void guest_main(uint64_t dtb)
{
    (void)dtb;
    check("own RAM can be read and written", stores(OWN_RAM_END - 8) && loads(OWN_RAM_END - 8));
    check_equal("all of the guest's addresses by 2 MiB", scan(0, IPA_END, STEP), 0);
    check_equal("every page of the board's devices", scan(0, DEVICES_END, PAGE_SIZE), 0);
    check_equal("the rest of their GiB", scan(DEVICES_END, GIB, 16 * PAGE_SIZE), 0);
    check_equal("pages behind own RAM", scan(OWN_RAM_END, RAM_BASE + GIB, 16 * PAGE_SIZE), 0);
    check_equal("beyond the guest's addresses", scan(IPA_END, IPA_END << 8, IPA_END >> 1), 0);
    mmu_enable();
    check_equal("aliases of RAM", aliases(), 0);
    check_end();
}
