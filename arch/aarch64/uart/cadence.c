/* SPDX-License-Identifier: Apache-2.0 */
/* Cadence's UART, as in the Zynq UltraScale+ (UG1085, UG1087): polled output, input by interrupt.
 */
#include "arch/aarch64/uart/uart_ops.h"

#define CR   0x00
#define IER  0x08
#define IDR  0x0c
#define ISR  0x14
#define RXWM 0x20
#define SR   0x2c
#define FIFO 0x30

#define CR_RX_ENABLE  (1U << 2)
#define CR_RX_DISABLE (1U << 3)
#define CR_TX_ENABLE  (1U << 4)
#define CR_TX_DISABLE (1U << 5)
#define INT_RX        (1U << 0) /* as many characters as RXWM says */
#define INT_ALL       0x1fffU
#define SR_RX_EMPTY   (1U << 1)
#define SR_TX_EMPTY   (1U << 3)
#define SR_TX_FULL    (1U << 4)
#define SR_TX_ACTIVE  (1U << 11)

static void start(uint64_t base)
{
    *uart_reg(base, IDR) = INT_ALL;
    *uart_reg(base, CR) =
        (*uart_reg(base, CR) & ~(CR_RX_DISABLE | CR_TX_DISABLE)) | CR_RX_ENABLE | CR_TX_ENABLE;
}

static void enable_rx(uint64_t base)
{
    *uart_reg(base, RXWM) = 1;
    *uart_reg(base, ISR) = INT_ALL;
    *uart_reg(base, IER) = INT_RX;
}

static void put(uint64_t base, char c)
{
    while ((*uart_reg(base, SR) & SR_TX_FULL) != 0)
        ;
    *uart_reg(base, FIFO) = (uint8_t)c;
}

static bool is_idle(uint64_t base)
{
    return (*uart_reg(base, SR) & (SR_TX_EMPTY | SR_TX_ACTIVE)) == SR_TX_EMPTY;
}

/* The interrupt's state is kept until it is cleared: first, so that what comes later sets it anew.
 */
static int get(uint64_t base)
{
    *uart_reg(base, ISR) = INT_RX;
    if ((*uart_reg(base, SR) & SR_RX_EMPTY) != 0)
        return -1;
    return (int)(*uart_reg(base, FIFO) & 0xff);
}

const struct uart_ops cadence_ops = {
    .compatible = "cdns,uart-r1p12",
    .start = start,
    .enable_rx = enable_rx,
    .put = put,
    .is_idle = is_idle,
    .get = get,
};
