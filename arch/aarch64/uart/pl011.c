/* SPDX-License-Identifier: Apache-2.0 */
/* PL011 (DDI 0183): polled output, input by interrupt. */
#include "arch/aarch64/uart/uart_ops.h"

#define UART_DR   0x00
#define UART_FR   0x18
#define UART_CR   0x30
#define UART_IMSC 0x38
#define UART_ICR  0x44

#define FR_BUSY (1U << 3)
#define FR_RXFE (1U << 4)
#define FR_TXFF (1U << 5)
#define CR_RUN  (1U << 0 | 1U << 8 | 1U << 9) /* UARTEN, TXE, RXE */
#define INT_RX  (1U << 4)
#define INT_RT  (1U << 6)
#define INT_ALL 0x7ffU

static void start(uint64_t base)
{
    *uart_reg(base, UART_IMSC) = 0;
    *uart_reg(base, UART_CR) |= CR_RUN;
}

static void enable_rx(uint64_t base)
{
    *uart_reg(base, UART_ICR) = INT_ALL;
    *uart_reg(base, UART_IMSC) = INT_RX | INT_RT;
}

static void put(uint64_t base, char c)
{
    while ((*uart_reg(base, UART_FR) & FR_TXFF) != 0)
        ;
    *uart_reg(base, UART_DR) = (uint8_t)c;
}

static bool is_idle(uint64_t base) { return (*uart_reg(base, UART_FR) & FR_BUSY) == 0; }

static int get(uint64_t base)
{
    if ((*uart_reg(base, UART_FR) & FR_RXFE) != 0)
        return -1;
    return (int)(*uart_reg(base, UART_DR) & 0xff);
}

const struct uart_ops pl011_ops = {
    .compatible = "arm,pl011",
    .start = start,
    .enable_rx = enable_rx,
    .put = put,
    .is_idle = is_idle,
    .get = get,
};
