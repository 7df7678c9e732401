/* SPDX-License-Identifier: Apache-2.0 */
/* PL011 (DDI 0183), polled. console_write() of common/print.h goes here. */
#pragma once

#define UART_INTID 33

void uart_init(void);

/* The next key, or -1. */
int uart_getc(void);
