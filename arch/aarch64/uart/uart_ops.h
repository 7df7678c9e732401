/* SPDX-License-Identifier: Apache-2.0 */
/* Between uart.c and the drivers of the kinds of UART. `base` is where the registers lie. */
#pragma once

#include "ptwr/base.h"

struct uart_ops {
    const char *compatible;
    /* Interrupts off; sending and receiving on, at the speed that firmware has set. */
    void (*start)(uint64_t base);
    void (*enable_rx)(uint64_t base);
    /* Waits until there is room. */
    void (*put)(uint64_t base, char c);
    /* Whether nothing is left to be sent, down to the last stop bit. */
    bool (*is_idle)(uint64_t base);
    /* A received character, or -1. */
    int (*get)(uint64_t base);
};

extern const struct uart_ops pl011_ops;
extern const struct uart_ops aux_uart_ops;
extern const struct uart_ops cadence_ops;
extern const struct uart_ops imx_ops;

static inline volatile uint32_t *uart_reg(uint64_t base, unsigned int offset)
{
    return (volatile uint32_t *)(uintptr_t)(base + offset);
}
