/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One UART for everybody. Latch's own lines start with what printk() is given; each guest's line
 * with its name in brackets. Lines are never mixed: a guest's is kept until it is whole, or until
 * the guest sleeps or is spoken to.
 */
#pragma once

#include "ptwr/base.h"

struct domain;

#define CONSOLE_LINE 200

/* In struct domain, as `console`. */
struct console_line {
    uint16_t length;
    char text[CONSOLE_LINE];
};

void printk(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A character that a guest sends. */
void console_guest_putc(struct domain *d, char c);
/* Show what the domain has of an unfinished line. */
void console_domain_flush(struct domain *d);

/* Take input from now on. */
void console_enable_input(void);
/* The UART's interrupt: hand what was typed to the domain that has the keys. */
void console_input_irq(void);
