/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mini UART of the BCM283x and BCM2711 (BCM2711 ARM Peripherals, 2.2): an 8250 with its
 * registers four bytes apart, one enable bit beside it and one more register for its two halves.
 */
#include "arch/aarch64/uart/uart_ops.h"

#define MU_IO   0x00
#define MU_IER  0x04
#define MU_LSR  0x14
#define MU_CNTL 0x20

#define IER_RX   (1U << 0 | 1U << 2) /* as 8250: received data, and the line's status */
#define LSR_DATA (1U << 0)
#define LSR_ROOM (1U << 5)
#define LSR_IDLE (1U << 6)
#define CNTL_RUN (1U << 0 | 1U << 1) /* receiver, transmitter */

/* Of the whole auxiliary block: at 4 in the page that the mini UART's registers are in. */
#define AUX_ENABLES(base) (((base) & ~(uint64_t)0xfff) + 4)
#define AUX_ENABLE_UART   (1U << 0)

static void start(uint64_t base)
{
    *uart_reg(AUX_ENABLES(base), 0) |= AUX_ENABLE_UART;
    *uart_reg(base, MU_IER) = 0;
    *uart_reg(base, MU_CNTL) |= CNTL_RUN;
}

static void enable_rx(uint64_t base) { *uart_reg(base, MU_IER) = IER_RX; }

static void put(uint64_t base, char c)
{
    while ((*uart_reg(base, MU_LSR) & LSR_ROOM) == 0)
        ;
    *uart_reg(base, MU_IO) = (uint8_t)c;
}

static bool is_idle(uint64_t base) { return (*uart_reg(base, MU_LSR) & LSR_IDLE) != 0; }

static int get(uint64_t base)
{
    if ((*uart_reg(base, MU_LSR) & LSR_DATA) == 0)
        return -1;
    return (int)(*uart_reg(base, MU_IO) & 0xff);
}

const struct uart_ops aux_uart_ops = {
    .compatible = "brcm,bcm2835-aux-uart",
    .start = start,
    .enable_rx = enable_rx,
    .put = put,
    .is_idle = is_idle,
    .get = get,
};
