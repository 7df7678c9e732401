/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One UART for everybody. Latch's own lines start with what printk() is given; each guest's line
 * with its name in brackets. Lines are never mixed: a guest's is kept until it is whole, or until
 * the guest sleeps or is spoken to.
 */
#pragma once

#include "ptwr/base.h"

struct domain;

#define CONSOLE_LINE  200
#define CONSOLE_INPUT 128 /* a power of two */

/* In struct domain, as `console`. */
struct console_line {
    uint16_t length;
    char text[CONSOLE_LINE];
};

/* In struct domain, as `input`: what was typed to a domain whose console is a hypercall. */
struct console_input {
    uint16_t head; /* both count up; the index is the low bits */
    uint16_t tail;
    char text[CONSOLE_INPUT];
};

void printk(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For panic(): whoever holds the console's lock will not give it back. */
void console_break_lock(void);

/* A character that a guest sends. */
void console_guest_putc(struct domain *d, char c);
/* Show what the domain has of an unfinished line. */
void console_domain_flush(struct domain *d);

/* Up to n characters typed to the domain: look, then drop those that it has got, in one hold of its
 * lock. */
size_t console_input_peek(const struct domain *d, char *to, size_t n);
void console_input_drop(struct domain *d, size_t n);

/* Take input from now on. */
void console_enable_input(void);
/* The UART's interrupt: hand what was typed to the domain that has the keys. */
void console_input_irq(void);
