/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's console: which UART of the device tree it is, and where. Every call goes to the
 * driver of its kind. Knows no register, but for one line before the MMU is on.
 */
#include <arch/uart.h>

#include <libfdt.h>

#include <arch/mmu.h>

#include "core/fdt_reg.h"
#include "core/string.h"

#include "arch/aarch64/uart/uart_ops.h"

#define GIC_SPI_BASE 32

static const struct uart_ops *const drivers[] = {&pl011_ops, &aux_uart_ops, &cadence_ops, &imx_ops};

static const struct uart_ops *ops; /* NULL: no console */
static uint64_t base;
static unsigned int intid;

/* /chosen/stdout-path, with its options and through an alias; without it the first PL011. */
static int console_node(const void *fdt)
{
    int length;
    const char *path = fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "stdout-path", &length);
    const char *colon;

    if (path == NULL || length < 1 || path[length - 1] != '\0')
        return fdt_node_offset_by_compatible(fdt, -1, pl011_ops.compatible);
    colon = strchr(path, ':');
    return fdt_path_offset_namelen(fdt, path, colon != NULL ? (int)(colon - path) : length - 1);
}

static const struct uart_ops *driver_of(const void *fdt, int node)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(drivers); i++) {
        if (fdt_node_check_compatible(fdt, node, drivers[i]->compatible) == 0)
            return drivers[i];
    }
    return NULL;
}

enum hv_err uart_init(const void *fdt)
{
    int node = console_node(fdt);
    const struct uart_ops *driver = node < 0 ? NULL : driver_of(fdt, node);
    struct fdt_range range;
    const fdt32_t *prop;
    int length;

    if (driver == NULL || !fdt_reg(fdt, fdt_parent_offset(fdt, node), node, 0, &range))
        return HV_ENOENT;
    prop = fdt_getprop(fdt, node, "interrupts", &length);
    if (prop != NULL && length >= 12 && fdt32_to_cpu(prop[0]) == 0)
        intid = GIC_SPI_BASE + fdt32_to_cpu(prop[1]);
    if (el2_map_device(pa_of(range.base), range.size) != HV_OK)
        return HV_ENOMEM;
    base = range.base;
    driver->start(base);
    ops = driver;
    return HV_OK;
}

unsigned int uart_intid(void) { return intid; }

void uart_enable_rx(void)
{
    if (ops != NULL)
        ops->enable_rx(base);
}

void uart_putc(char c)
{
    if (ops == NULL)
        return;
    if (c == '\n')
        ops->put(base, '\r');
    ops->put(base, c);
}

void uart_drain(void)
{
    while (ops != NULL && !ops->is_idle(base))
        ;
}

int uart_getc(void) { return ops != NULL ? ops->get(base) : -1; }

/*
 * Before the MMU is on libfdt cannot run (it uses vector registers and unaligned loads): a plain
 * search of the structure block for the first PL011 right below the root, with a 64-bit address,
 * that is not disabled, as the Secure world's is. Below a bus an address would have to be
 * translated: there nothing is said.
 */
#define FDT_STRUCT_OFFSET  2 /* words of struct fdt_header */
#define FDT_STRINGS_OFFSET 3
#define FDT_TOKEN_BEGIN    1
#define FDT_TOKEN_END_NODE 2
#define FDT_TOKEN_PROP     3
#define FDT_TOKEN_NOP      4
#define FDT_TOKEN_END      9

struct early_node {
    uint64_t reg;
    bool pl011;
    bool disabled;
};

static void early_prop(struct early_node *node, const char *name, const uint32_t *value,
                       uint32_t length)
{
    const char *text = (const char *)value;

    if (strcmp(name, "reg") == 0 && length >= 8)
        node->reg = (uint64_t)__builtin_bswap32(value[0]) << 32 | __builtin_bswap32(value[1]);
    if (strcmp(name, "compatible") == 0 && length >= 10 && memcmp(text, "arm,pl011", 10) == 0)
        node->pl011 = true;
    if (strcmp(name, "status") == 0)
        node->disabled = length < 3 || memcmp(text, "ok", 2) != 0;
}

static uint64_t early_find(const uint32_t *header)
{
    const char *bytes = (const char *)header;
    const uint32_t *at =
        (const uint32_t *)(const void *)(bytes + __builtin_bswap32(header[FDT_STRUCT_OFFSET]));
    const char *strings = bytes + __builtin_bswap32(header[FDT_STRINGS_OFFSET]);
    struct early_node node = {0};
    unsigned int depth = 0; /* the root's is 1 */

    for (;;) {
        uint32_t token = __builtin_bswap32(*at++);

        /* The properties of a node come before its children and its end. */
        if (token != FDT_TOKEN_PROP && token != FDT_TOKEN_NOP && depth == 2 && node.pl011 &&
            node.reg != 0 && !node.disabled)
            return node.reg;
        if (token == FDT_TOKEN_BEGIN) {
            depth++;
            node = (struct early_node){0};
            at += strlen((const char *)at) / 4 + 1;
        } else if (token == FDT_TOKEN_PROP) {
            uint32_t length = __builtin_bswap32(at[0]);

            early_prop(&node, strings + __builtin_bswap32(at[1]), &at[2], length);
            at += 2 + (length + 3) / 4;
        } else if (token == FDT_TOKEN_END_NODE) {
            depth--;
            node = (struct early_node){0};
        } else if (token == FDT_TOKEN_END || token == 0 || token > FDT_TOKEN_END) {
            return 0;
        }
    }
}

void uart_early_say(const void *fdt, const char *text)
{
    const uint32_t *header = fdt;
    uint64_t at;

    if (fdt == NULL || ((uintptr_t)fdt & 7) != 0 || __builtin_bswap32(header[0]) != 0xd00dfeed)
        return;
    at = early_find(header);
    if (at == 0)
        return;
    pl011_ops.start(at);
    while (*text != '\0')
        pl011_ops.put(at, *text++);
}
