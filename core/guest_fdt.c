/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a plain guest's device tree, front to back. It knows the bindings; where things are comes
 * from the caller. Every helper does nothing after the first error, so one test at the end is
 * enough.
 */
#include "core/guest_fdt.h"

#include <libfdt.h>
#include <string.h>

#define MAX_VCPUS       8
#define GICC_SIZE       0x2000
#define GICD_SIZE_V2    0x1000
#define GICD_SIZE_V3    0x10000
#define GICR_STRIDE     0x20000
#define UART_SIZE       0x1000
#define UART_CLOCK_RATE 24000000
#define NAME_SIZE       48

/* interrupt-controller bindings, arm,gic */
#define IRQ_SPI     0
#define IRQ_PPI     1
#define IRQ_HIGH    4                        /* level, active high */
#define IRQ_LOW     8                        /* level, active low: what the timer's PPIs are */
#define CPU_MASK(n) (((1u << (n)) - 1) << 8) /* GICv2: which CPUs a PPI belongs to */

enum phandle { PHANDLE_GIC = 1, PHANDLE_CLOCK = 2 };

struct writer {
    void *fdt;
    int err;
};

static void begin(struct writer *w, const char *name)
{
    if (w->err == 0)
        w->err = fdt_begin_node(w->fdt, name);
}

/* `name`@`address`, as the bindings want it. Precondition: NAME_SIZE has room for both. */
static void node_name(char *out, const char *name, uint64_t address)
{
    size_t length = strlen(name);
    int shift = 60;

    memcpy(out, name, length);
    out[length++] = '@';
    while (shift > 0 && address >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        out[length++] = "0123456789abcdef"[(address >> shift) & 0xf];
    out[length] = '\0';
}

static void begin_at(struct writer *w, const char *name, uint64_t address)
{
    char full[NAME_SIZE];

    node_name(full, name, address);
    begin(w, full);
}

static void end(struct writer *w)
{
    if (w->err == 0)
        w->err = fdt_end_node(w->fdt);
}

static void put_bytes(struct writer *w, const char *name, const void *data, size_t size)
{
    if (w->err == 0)
        w->err = fdt_property(w->fdt, name, data, (int)size);
}

static void put_flag(struct writer *w, const char *name) { put_bytes(w, name, NULL, 0); }

static void put_string(struct writer *w, const char *name, const char *value)
{
    put_bytes(w, name, value, strlen(value) + 1);
}

static void put_u32(struct writer *w, const char *name, uint32_t value)
{
    if (w->err == 0)
        w->err = fdt_property_u32(w->fdt, name, value);
}

static void put_u64(struct writer *w, const char *name, uint64_t value)
{
    if (w->err == 0)
        w->err = fdt_property_u64(w->fdt, name, value);
}

static void put_cells(struct writer *w, const char *name, const uint32_t *value, size_t count)
{
    void *place;

    if (w->err == 0)
        w->err = fdt_property_placeholder(w->fdt, name, (int)(count * sizeof(fdt32_t)), &place);
    for (size_t i = 0; w->err == 0 && i < count; i++)
        fdt32_st((uint8_t *)place + i * sizeof(fdt32_t), value[i]);
}

/* Two cells for each address and each size: what the root says. */
static void put_reg(struct writer *w, const uint64_t *value, size_t count)
{
    void *place;

    if (w->err == 0)
        w->err = fdt_property_placeholder(w->fdt, "reg", (int)(count * sizeof(fdt64_t)), &place);
    for (size_t i = 0; w->err == 0 && i < count; i++)
        fdt64_st((uint8_t *)place + i * sizeof(fdt64_t), value[i]);
}

static void write_chosen(struct writer *w, const struct guest_fdt_args *args)
{
    begin(w, "chosen");
    if (args->bootargs != NULL && args->bootargs[0] != '\0')
        put_string(w, "bootargs", args->bootargs);
    if (args->uart != 0)
        put_string(w, "stdout-path", "serial0");
    if (args->initrd_end != 0) {
        put_u64(w, "linux,initrd-start", args->initrd_start);
        put_u64(w, "linux,initrd-end", args->initrd_end);
    }
    if (args->rng_seed_size != 0)
        put_bytes(w, "rng-seed", args->rng_seed, args->rng_seed_size);
    end(w);
}

static void write_cpus(struct writer *w, const struct guest_fdt_args *args)
{
    begin(w, "cpus");
    put_u32(w, "#address-cells", 1);
    put_u32(w, "#size-cells", 0);
    for (uint32_t i = 0; i < args->nr_vcpus; i++) {
        begin_at(w, "cpu", i);
        put_string(w, "device_type", "cpu");
        put_string(w, "compatible", "arm,armv8");
        put_u32(w, "reg", i);
        put_string(w, "enable-method", "psci");
        end(w);
    }
    end(w);
}

static void write_psci(struct writer *w)
{
    /* 1.0 is the newest that the binding names; PSCI_VERSION tells the rest. */
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

    begin(w, "psci");
    put_bytes(w, "compatible", compatible, sizeof(compatible));
    put_string(w, "method", "hvc");
    end(w);
}

static void write_gic(struct writer *w, const struct guest_fdt_args *args)
{
    static const char gic400[] = "arm,gic-400\0arm,cortex-a15-gic";
    const uint64_t v2[] = {args->gicd, GICD_SIZE_V2, args->gicc, GICC_SIZE};
    const uint64_t v3[] = {args->gicd, GICD_SIZE_V3, args->gicr,
                           GICR_STRIDE * (uint64_t)args->nr_vcpus};

    begin_at(w, "interrupt-controller", args->gicd);
    if (args->gic_version == 2) {
        put_bytes(w, "compatible", gic400, sizeof(gic400));
        put_reg(w, v2, ARRAY_SIZE(v2));
    } else {
        put_string(w, "compatible", "arm,gic-v3");
        put_reg(w, v3, ARRAY_SIZE(v3));
    }
    put_flag(w, "interrupt-controller");
    put_u32(w, "#interrupt-cells", 3);
    put_u32(w, "#address-cells", 0);
    put_u32(w, "phandle", PHANDLE_GIC);
    end(w);
}

static void write_timer(struct writer *w, const struct guest_fdt_args *args)
{
    uint32_t flags = IRQ_LOW | (args->gic_version == 2 ? CPU_MASK(args->nr_vcpus) : 0);
    /* In the binding's order: secure, non-secure, virtual, hypervisor. */
    const uint32_t interrupts[] = {IRQ_PPI, 13, flags, IRQ_PPI, 14, flags,
                                   IRQ_PPI, 11, flags, IRQ_PPI, 10, flags};

    begin(w, "timer");
    put_string(w, "compatible", "arm,armv8-timer");
    put_cells(w, "interrupts", interrupts, ARRAY_SIZE(interrupts));
    put_flag(w, "always-on"); /* a vCPU's timer goes on while it sleeps */
    end(w);
}

static void write_memory(struct writer *w, const struct guest_fdt_args *args)
{
    const uint64_t reg[] = {args->ram_base, args->ram_size};

    begin_at(w, "memory", args->ram_base);
    put_string(w, "device_type", "memory");
    put_reg(w, reg, ARRAY_SIZE(reg));
    end(w);
}

static void write_uart(struct writer *w, const struct guest_fdt_args *args)
{
    static const char compatible[] = "arm,pl011\0arm,primecell";
    static const char clock_names[] = "uartclk\0apb_pclk";
    static const uint32_t clocks[] = {PHANDLE_CLOCK, PHANDLE_CLOCK};
    static const uint32_t interrupts[] = {IRQ_SPI, GUEST_UART_SPI, IRQ_HIGH};
    const uint64_t reg[] = {args->uart, UART_SIZE};

    begin(w, "apb-pclk");
    put_string(w, "compatible", "fixed-clock");
    put_u32(w, "#clock-cells", 0);
    put_u32(w, "clock-frequency", UART_CLOCK_RATE);
    put_string(w, "clock-output-names", "clk24mhz");
    put_u32(w, "phandle", PHANDLE_CLOCK);
    end(w);

    begin_at(w, "pl011", args->uart);
    put_bytes(w, "compatible", compatible, sizeof(compatible));
    put_reg(w, reg, ARRAY_SIZE(reg));
    put_cells(w, "interrupts", interrupts, ARRAY_SIZE(interrupts));
    put_cells(w, "clocks", clocks, ARRAY_SIZE(clocks));
    put_bytes(w, "clock-names", clock_names, sizeof(clock_names));
    end(w);
}

/* The path that "serial0" stands for has to agree with begin_at() in write_uart(). */
static void write_aliases(struct writer *w, const struct guest_fdt_args *args)
{
    char path[NAME_SIZE];

    node_name(path, "/pl011", args->uart);
    begin(w, "aliases");
    put_string(w, "serial0", path);
    end(w);
}

static void write_root(struct writer *w, const struct guest_fdt_args *args)
{
    begin(w, "");
    put_string(w, "compatible", "latch,guest");
    put_string(w, "model", "Latch guest");
    put_u32(w, "#address-cells", 2);
    put_u32(w, "#size-cells", 2);
    put_u32(w, "interrupt-parent", PHANDLE_GIC);
    write_chosen(w, args);
    if (args->uart != 0)
        write_aliases(w, args);
    write_cpus(w, args);
    write_psci(w);
    write_memory(w, args);
    write_gic(w, args);
    write_timer(w, args);
    if (args->uart != 0)
        write_uart(w, args);
    begin(w, "hypervisor");
    put_string(w, "compatible", "latch");
    end(w);
    end(w);
}

enum hv_err guest_fdt_build(const struct guest_fdt_args *args, void *buf, size_t size)
{
    struct writer w = {.fdt = buf};

    if ((args->gic_version != 2 && args->gic_version != 3) || args->nr_vcpus == 0 ||
        args->nr_vcpus > MAX_VCPUS)
        return HV_EINVAL;
    if (size > INT32_MAX)
        return HV_E2BIG;
    w.err = fdt_create(buf, (int)size);
    if (w.err == 0)
        w.err = fdt_finish_reservemap(buf);
    write_root(&w, args);
    if (w.err == 0)
        w.err = fdt_finish(buf);
    return w.err == 0 ? HV_OK : HV_E2BIG;
}
