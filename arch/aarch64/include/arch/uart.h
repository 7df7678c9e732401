/* SPDX-License-Identifier: Apache-2.0 */
/* The board's console UART (PL011, or the mini UART of a BCM283x), found by /chosen/stdout-path. */
#pragma once

#include "ptwr/base.h"

/* Find it and map it. HV_ENOENT: none that we know; output goes nowhere. */
NODISCARD
enum hv_err uart_init(const void *fdt);
/* Its interrupt, or 0. */
unsigned int uart_intid(void);
void uart_enable_rx(void);
void uart_putc(char c);
/* Wait until all of it has been sent. */
void uart_drain(void);
/* A received character, or -1. */
int uart_getc(void);
/* head.S, MMU off: say a line on the UART that the raw device tree names, if any. */
void uart_early_say(const void *fdt, const char *text);
