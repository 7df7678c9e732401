/* SPDX-License-Identifier: Apache-2.0 */
/* The UART of NXP's i.MX 6 to 8 (IMX8MPRM, UART): polled output, input by interrupt. */
#include "arch/aarch64/uart/uart_ops.h"

#define URXD 0x00
#define UTXD 0x40
#define UCR1 0x80
#define UCR2 0x84
#define UCR4 0x8c
#define USR2 0x98
#define UTS  0xb4

#define UCR1_ENABLE (1U << 0)
#define UCR1_INTS   (1U << 13 | 1U << 9 | 1U << 6 | 1U << 5) /* TRDY, RRDY, TXMPTY, RTSD */
#define UCR2_RUN    (1U << 2 | 1U << 1 | 1U << 0)            /* TXEN, RXEN, not in reset */
#define UCR4_INTS   0xffU                                    /* of which one is of use: */
#define UCR4_DREN   (1U << 0)                                /* a character is there */
#define USR2_RDR    (1U << 0)
#define USR2_TXDC   (1U << 3)
#define UTS_TXFULL  (1U << 4)

static void start(uint64_t base)
{
    *uart_reg(base, UCR1) = (*uart_reg(base, UCR1) & ~UCR1_INTS) | UCR1_ENABLE;
    *uart_reg(base, UCR4) &= ~UCR4_INTS;
    *uart_reg(base, UCR2) |= UCR2_RUN;
}

static void enable_rx(uint64_t base) { *uart_reg(base, UCR4) |= UCR4_DREN; }

static void put(uint64_t base, char c)
{
    while ((*uart_reg(base, UTS) & UTS_TXFULL) != 0)
        ;
    *uart_reg(base, UTXD) = (uint8_t)c;
}

static bool is_idle(uint64_t base) { return (*uart_reg(base, USR2) & USR2_TXDC) != 0; }

static int get(uint64_t base)
{
    if ((*uart_reg(base, USR2) & USR2_RDR) == 0)
        return -1;
    return (int)(*uart_reg(base, URXD) & 0xff);
}

const struct uart_ops imx_ops = {
    .compatible = "fsl,imx6q-uart",
    .start = start,
    .enable_rx = enable_rx,
    .put = put,
    .is_idle = is_idle,
    .get = get,
};
