/* SPDX-License-Identifier: Apache-2.0 */
/* The end of everything, by a defect of Latch: say what is known, then power off. */
#include <stdarg.h>

#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/panic.h>
#include <arch/psci.h>

#include "core/check.h"
#include "core/console.h"
#include "core/fmt.h"

#define BACKTRACE_MAX 16

extern char image_start[], rodata_start[], image_end[];

static const struct cpu *panicking; /* NULL: none */

static uint64_t offset(uint64_t address) { return address - (uint64_t)(uintptr_t)image_start; }

static bool in_image(uint64_t address)
{
    return address >= (uint64_t)(uintptr_t)image_start &&
           address < (uint64_t)(uintptr_t)image_end - 16;
}

/* Frame records (AAPCS64): [x29] = caller's x29, [x29 + 8] = return address. */
static void backtrace(uint64_t frame)
{
    printk("latch: backtrace, for addr2line -e build/latch.elf:");
    for (unsigned int i = 0; i < BACKTRACE_MAX && (frame & 7) == 0 && in_image(frame); i++) {
        const uint64_t *record = (const uint64_t *)(uintptr_t)frame;

        if (record[1] == 0)
            break;
        printk(" %#lx", offset(record[1]) - 4);
        if (record[0] <= frame)
            break;
        frame = record[0];
    }
    printk("\n");
}

static void die_if_again(void)
{
    const struct cpu *first = NULL;

    if (!__atomic_compare_exchange_n(&panicking, &first, this_cpu(), false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        if (first == this_cpu())
            firmware_system_off();
        for (;;)
            wfi(); /* another CPU is telling, and ends the machine */
    }
    console_break_lock(); /* this CPU may hold it */
}

void panic(const char *format, ...)
{
    char text[160];
    va_list args;

    die_if_again();
    va_start(args, format);
    format_string(text, sizeof(text), format, args);
    va_end(args);
    printk("latch: panic: %s\n", text);
    backtrace((uint64_t)(uintptr_t)__builtin_frame_address(0));
    firmware_system_off();
}

void panic_exception(const struct panic_frame *frame, unsigned int vector)
{
    die_if_again();
    printk("latch: panic: exception in EL2, vector %#x, ESR_EL2 %#lx, FAR_EL2 %#lx, at %#lx\n",
           vector, frame->esr, frame->far, offset(frame->elr));
    for (unsigned int i = 0; i < 31; i++)
        printk("%s x%-2u %016lx%s", i % 4 == 0 ? "latch: " : "", i, frame->x[i],
               i % 4 == 3 ? "\n" : "");
    printk(" sp  %016lx\n", frame->sp);
    backtrace(frame->x[29]);
    firmware_system_off();
}
