/* SPDX-License-Identifier: Apache-2.0 */
/* A few commands from the console, for whoever plays with it. */
#include "common/print.h"
#include "common/string.h"
#include "demo.h"
#include "direct/counters.h"
#include "direct/hypercall.h"
#include "direct/interrupt.h"

#define LINE 64

/* There is no console interrupt: the timer wakes the vCPU to look. */
static char read_key(void)
{
    char c = 0;

    while (hyp_console_io(CONSOLEIO_read, 1, &c) != 1) {
        (void)hyp_sched_op(SCHEDOP_block, NULL);
        interrupts_off();
    }
    return c;
}

static void read_line(char *line)
{
    size_t length = 0;

    for (;;) {
        char c = read_key();

        if (c == '\r' || c == '\n')
            break;
        if ((c == '\b' || c == 0x7f) && length > 0) {
            length--;
            print("\b \b");
        } else if (c >= ' ' && c < 0x7f && length < LINE - 1) {
            line[length++] = c;
            print("%c", c);
        }
    }
    line[length] = '\0';
    print("\n");
}

static void run_counters(void)
{
    struct latch_counters counters;

    counters_read(&counters);
    counters_print("direct:", &counters);
}

static void run_fork(const char *argument)
{
    unsigned int n = 0;

    for (; *argument >= '0' && *argument <= '9' && n < 100; argument++)
        n = n * 10 + (unsigned int)(*argument - '0');
    work_fork(n == 0 ? 1 : n);
}

static void help(void)
{
    print("  fork N    a process with N children that copy on write (at most 16)\n"
          "  spaces    processes whose memory appears when it is touched\n"
          "  forbidden what a compromised kernel would try\n"
          "  counters  what all that cost\n"
          "  quit      power off\n");
}

void shell(void)
{
    char line[LINE];

    timer_every(20000);
    help();
    for (;;) {
        print("direct> ");
        read_line(line);
        if (strcmp(line, "quit") == 0)
            return;
        if (memcmp(line, "fork", 4) == 0)
            run_fork(line[4] == ' ' ? line + 5 : line + 4);
        else if (strcmp(line, "spaces") == 0)
            work_spaces();
        else if (strcmp(line, "forbidden") == 0)
            forbidden();
        else if (strcmp(line, "counters") == 0)
            run_counters();
        else if (line[0] != '\0')
            help();
    }
}
