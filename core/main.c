/* SPDX-License-Identifier: Apache-2.0 */
/* From the first C instruction with the MMU on to the first guest. */
#include <libfdt.h>

#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/gic.h>
#include <arch/mmu.h>
#include <arch/psci.h>
#include <arch/timer.h>
#include <arch/uart.h>
#include <arch/vcpu.h>

#include "core/board.h"
#include "core/check.h"
#include "core/config.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/mem.h"
#include "core/sched.h"

void latch_main(const void *fdt);
void boot_wrong_el(const void *fdt, unsigned int el);
void boot_check_fdt(const void *fdt);

static struct system config;

/* head.S, MMU off: nothing can be done at EL1 or EL3 but say so. */
void boot_wrong_el(const void *fdt, unsigned int el)
{
    uart_early_say(fdt, el == 1 ? "latch: panic: entered at EL1, needs EL2 (QEMU: "
                                  "-M virt,virtualization=on)\r\n"
                                : "latch: panic: entered at EL3, needs EL2 (firmware must lower "
                                  "it)\r\n");
    for (;;)
        wfi();
}

/* head.S, MMU off: without a device tree there is no UART to say so on. */
void boot_check_fdt(const void *fdt)
{
    const uint32_t *header = fdt;

    if (fdt != NULL && ((uintptr_t)fdt & 7) == 0 && __builtin_bswap32(header[0]) == FDT_MAGIC)
        return;
    for (;;)
        wfi();
}

static void config_error(void *ctx, const char *path, const char *reason)
{
    (void)ctx;
    printk("latch: config: %s: %s\n", path, reason);
}

static void keep_module(const struct module_config *module)
{
    /* Whole blocks: the guest may get them as they are. */
    uint64_t size = (module->size + REGION_SIZE - 1) & ~(REGION_SIZE - 1);

    if (module->present && mem_reserve(pa_of(module->base), size) != HV_OK)
        panic("no valid configuration: boot modules in too many pieces");
}

static void read_config(const void *fdt)
{
    if (config_parse(fdt, &config, config_error, NULL) != HV_OK)
        panic("no valid configuration");
    for (unsigned int i = 0; i < config.nr_domains; i++) {
        keep_module(&config.domain[i].kernel);
        keep_module(&config.domain[i].ramdisk);
        keep_module(&config.domain[i].dtb);
    }
}

void latch_main(const void *fdt)
{
    /* The console first, so that all that follows can be seen. */
    bool silent = uart_init(fdt) != HV_OK;

    (void)silent;
    printk("latch: Latch, an EL2 hypervisor that keeps guests' page tables\n");
    if (fdt_check_header(fdt) != 0)
        panic("the device tree at %p is damaged", fdt);
    firmware_init(fdt);
    board_init(fdt);

    /* Memory: what there is, less what the configuration's modules occupy. */
    if (mem_init(fdt) != HV_OK)
        panic("no usable memory in the device tree");
    read_config(fdt);
    if (mem_map() != HV_OK)
        panic("no page tables for the machine's memory");
    printk("latch: %lu MiB of memory, %lu MiB free\n", mem_total_bytes() >> 20,
           mem_free_bytes() >> 20);

    /* Interrupts and time, before anything waits. */
    if (gic_init(fdt) != HV_OK || gic_init_cpu() != HV_OK)
        panic("no GIC that Latch knows in the device tree");
    printk("latch: CPU %#lx, GICv%u, %u list registers\n", read_sysreg(midr_el1), gic_version(),
           gic_nr_lrs());
    timer_init_cpu();
    arch_vcpu_init_cpu();
    smp_init(fdt);

    for (unsigned int i = 0; i < config.nr_domains; i++) {
        if (domain_create(&config.domain[i]) != HV_OK)
            panic("domain %s cannot be built", config.domain[i].name);
    }
    smp_release();
    console_enable_input();
    sched_start();
}
