/* SPDX-License-Identifier: Apache-2.0 */
/* PL011 (DDI 0183) as the board's console: polled output, input by interrupt. */
#include <arch/uart.h>

#include <libfdt.h>

#include <arch/mmu.h>

#include "core/string.h"

#define UART_DR   0x00
#define UART_FR   0x18
#define UART_CR   0x30
#define UART_IMSC 0x38
#define UART_ICR  0x44
#define UART_SIZE PAGE_SIZE

#define FR_RXFE (1U << 4)
#define FR_TXFF (1U << 5)
#define CR_RUN  (1U << 0 | 1U << 8 | 1U << 9) /* UARTEN, TXE, RXE */
#define INT_RX  (1U << 4)
#define INT_RT  (1U << 6)

#define GIC_SPI_BASE 32

static uint64_t base;
static unsigned int intid;

static volatile uint32_t *reg(uint64_t at, unsigned int offset)
{
    return (volatile uint32_t *)(uintptr_t)(at + offset);
}

static uint64_t cells(const fdt32_t *cell, int count)
{
    uint64_t value = 0;

    while (count-- > 0)
        value = value << 32 | fdt32_to_cpu(*cell++);
    return value;
}

/* /chosen/stdout-path, with its options and through an alias. */
static int console_node(const void *fdt)
{
    int length;
    const char *path = fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "stdout-path", &length);
    const char *colon;

    if (path == NULL || length < 1 || path[length - 1] != '\0')
        return fdt_node_offset_by_compatible(fdt, -1, "arm,pl011");
    colon = strchr(path, ':');
    return fdt_path_offset_namelen(fdt, path, colon != NULL ? (int)(colon - path) : length - 1);
}

enum hv_err uart_init(const void *fdt)
{
    int node = console_node(fdt);
    int parent, length;
    const fdt32_t *prop;

    if (node < 0 || fdt_node_check_compatible(fdt, node, "arm,pl011") != 0)
        return HV_ENOENT;
    parent = fdt_parent_offset(fdt, node);
    prop = fdt_getprop(fdt, node, "reg", &length);
    if (prop == NULL || length < 4 * fdt_address_cells(fdt, parent))
        return HV_ENOENT;
    base = cells(prop, fdt_address_cells(fdt, parent));
    prop = fdt_getprop(fdt, node, "interrupts", &length);
    if (prop != NULL && length >= 12 && fdt32_to_cpu(prop[0]) == 0)
        intid = GIC_SPI_BASE + fdt32_to_cpu(prop[1]);
    if (el2_map_device(pa_of(base), UART_SIZE) != HV_OK) {
        base = 0;
        return HV_ENOMEM;
    }
    *reg(base, UART_IMSC) = 0;
    *reg(base, UART_CR) |= CR_RUN;
    return HV_OK;
}

unsigned int uart_intid(void) { return intid; }

void uart_enable_rx(void)
{
    if (base == 0)
        return;
    *reg(base, UART_ICR) = 0x7ff;
    *reg(base, UART_IMSC) = INT_RX | INT_RT;
}

static void put(uint64_t at, char c)
{
    while ((*reg(at, UART_FR) & FR_TXFF) != 0)
        ;
    *reg(at, UART_DR) = (uint8_t)c;
}

void uart_putc(char c)
{
    if (base == 0)
        return;
    if (c == '\n')
        put(base, '\r');
    put(base, c);
}

int uart_getc(void)
{
    if (base == 0 || (*reg(base, UART_FR) & FR_RXFE) != 0)
        return -1;
    return (int)(*reg(base, UART_DR) & 0xff);
}

/*
 * Before the MMU is on libfdt cannot run (it uses vector registers and unaligned loads): a plain
 * search of the structure block for the first PL011 with a 64-bit address that is not disabled, as
 * the Secure world's is.
 */
#define FDT_STRUCT_OFFSET  2 /* words of struct fdt_header */
#define FDT_STRINGS_OFFSET 3
#define FDT_TOKEN_BEGIN    1
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

    for (;;) {
        uint32_t token = __builtin_bswap32(*at++);

        /* The properties of a node come before its children and its end. */
        if (token != FDT_TOKEN_PROP && token != FDT_TOKEN_NOP && node.pl011 && node.reg != 0 &&
            !node.disabled)
            return node.reg;
        if (token == FDT_TOKEN_BEGIN) {
            node = (struct early_node){0};
            at += strlen((const char *)at) / 4 + 1;
        } else if (token == FDT_TOKEN_PROP) {
            uint32_t length = __builtin_bswap32(at[0]);

            early_prop(&node, strings + __builtin_bswap32(at[1]), &at[2], length);
            at += 2 + (length + 3) / 4;
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
    *reg(at, UART_CR) |= CR_RUN;
    while (*text != '\0')
        put(at, *text++);
}
