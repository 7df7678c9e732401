/* SPDX-License-Identifier: Apache-2.0 */
/* Who writes on the one UART, and who gets what is typed. */
#include "core/console.h"

#include <stdarg.h>

#include <arch/gic.h>
#include <arch/psci.h>
#include <arch/spinlock.h>
#include <arch/uart.h>

#include "core/domain.h"
#include "core/fmt.h"
#include "core/string.h"
#include "core/vpl011.h"

#define ESCAPE 0x01 /* Ctrl-A */

/* The terminal and the domains' unfinished lines. No other lock is taken inside it. */
static struct spinlock lock;
static bool lock_broken;

/* Whose unfinished line stands on the terminal; NULL: the cursor is at column 0. */
static const void *line_owner;
static const char latch_owner;
static unsigned int focus;
static bool escaped;

static void console_lock(void)
{
    if (!lock_broken)
        spin_lock(&lock);
}

static void console_unlock(void)
{
    if (!lock_broken)
        spin_unlock(&lock);
}

void console_break_lock(void) { lock_broken = true; }

static void put_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        uart_putc(text[i]);
}

/* Start, or go on with, a line of `owner`. True if it starts. */
static bool claim_line(const void *owner)
{
    if (line_owner == owner)
        return false;
    if (line_owner != NULL)
        uart_putc('\n');
    line_owner = owner;
    return true;
}

void printk(const char *format, ...)
{
    char text[256];
    va_list args;
    size_t length;

    va_start(args, format);
    length = format_string(text, sizeof(text), format, args);
    va_end(args);
    console_lock();
    claim_line(&latch_owner);
    put_text(text, length);
    if (length != 0 && text[length - 1] == '\n')
        line_owner = NULL;
    console_unlock();
}

static void flush(struct domain *d)
{
    struct console_line *line = &d->console;

    if (line->length == 0)
        return;
    if (claim_line(d)) {
        uart_putc('[');
        put_text(d->name, strlen(d->name));
        put_text("] ", 2);
    }
    put_text(line->text, line->length);
    line->length = 0;
}

void console_domain_flush(struct domain *d)
{
    if (d->console.length == 0)
        return;
    console_lock();
    flush(d);
    console_unlock();
}

/* An empty line still says whose it is. */
static void end_line(struct domain *d)
{
    flush(d);
    if (claim_line(d)) {
        uart_putc('[');
        put_text(d->name, strlen(d->name));
        uart_putc(']');
    }
    uart_putc('\n');
    line_owner = NULL;
}

static void add_char(struct domain *d, char c)
{
    struct console_line *line = &d->console;

    if (c == '\r')
        return;
    if (c == '\n') {
        end_line(d);
        return;
    }
    /* A guest must not move the cursor to where other lines are; ESC is a shell's business. */
    if ((c < ' ' && c != '\t' && c != '\b' && c != '\a' && c != 0x1b) || c == 0x7f)
        c = '?';
    line->text[line->length++] = c;
    if (line->length == CONSOLE_LINE)
        flush(d);
}

void console_guest_putc(struct domain *d, char c)
{
    console_lock();
    add_char(d, c);
    console_unlock();
}

static void help(void)
{
    printk("latch: Ctrl-A, then: 0-9 keys to that domain, n the next one, h this help, x end "
           "everything, Ctrl-A itself\n");
    for (unsigned int i = 0; i < domain_count(); i++)
        printk("latch:   %u %s%s\n", i, domain_by_id(i)->name, i == focus ? " (has the keys)" : "");
}

static void set_focus(unsigned int id)
{
    const struct domain *d = domain_by_id(id);

    if (d == NULL) {
        printk("latch: no domain %u\n", id);
        return;
    }
    focus = id;
    printk("latch: keys go to %s\n", d->name);
}

/* Lost if it does not fit, as on a wire. The reader may run on another CPU. */
static void keep_input(struct domain *d, char c)
{
    struct console_input *input = &d->input;
    uint16_t tail = __atomic_load_n(&input->tail, __ATOMIC_ACQUIRE);

    if ((uint16_t)(input->head - tail) == CONSOLE_INPUT)
        return;
    input->text[input->head % CONSOLE_INPUT] = c;
    __atomic_store_n(&input->head, (uint16_t)(input->head + 1), __ATOMIC_RELEASE);
}

size_t console_input_peek(const struct domain *d, char *to, size_t n)
{
    const struct console_input *input = &d->input;
    size_t held = (uint16_t)(__atomic_load_n(&input->head, __ATOMIC_ACQUIRE) - input->tail);

    if (n > held)
        n = held;
    for (size_t i = 0; i < n; i++)
        to[i] = input->text[(input->tail + i) % CONSOLE_INPUT];
    return n;
}

void console_input_drop(struct domain *d, size_t n)
{
    __atomic_store_n(&d->input.tail, (uint16_t)(d->input.tail + n), __ATOMIC_RELEASE);
}

static void to_guest(char c)
{
    struct domain *d = domain_by_id(focus);

    if (d == NULL || d->state != DOMAIN_RUNNING)
        return;
    if (d->kind == DOMAIN_DIRECT)
        keep_input(d, c);
    else
        vpl011_input(d, c);
}

static void command(char c)
{
    if (c >= '0' && c <= '9') {
        set_focus((unsigned int)(c - '0'));
    } else if (c == 'n') {
        set_focus(focus + 1 < domain_count() ? focus + 1 : 0);
    } else if (c == 'x') {
        for (unsigned int i = 0; i < domain_count(); i++)
            domain_end(domain_by_id(i));
        printk("latch: end: %u ended, 0 stopped\n", domain_count());
        firmware_system_off();
    } else if (c == ESCAPE) {
        to_guest(c);
    } else {
        help();
    }
}

void console_input_irq(void)
{
    for (;;) {
        int c = uart_getc();

        if (c < 0)
            return;
        if (escaped) {
            escaped = false;
            command((char)c);
        } else if (c == ESCAPE) {
            escaped = true;
        } else {
            to_guest((char)c);
        }
    }
}

void console_enable_input(void)
{
    if (uart_intid() == 0)
        return;
    uart_enable_rx();
    gic_enable(uart_intid());
    /* What was typed before announces itself no more, and would stop the rest from coming. */
    console_input_irq();
}
