/* SPDX-License-Identifier: Apache-2.0 */
/* Start and end of a direct guest, and its console. */
#include "direct/guest.h"

#include "common/print.h"
#include "common/string.h"
#include "direct/hypercall.h"
#include "direct/memory.h"

const struct latch_start_info *start_info;
uint64_t guest_started;

void guest_begin(const struct latch_start_info *info)
{
    guest_started = read_sysreg(cntpct_el0);
    start_info = info;
    if (strcmp(info->magic, LATCH_START_MAGIC) != 0) {
        print("FAILED: start info without its magic\n");
        guest_crash();
    }
    memory_init();
    guest_main();
    guest_shutdown(SHUTDOWN_poweroff);
}

void guest_shutdown(uint32_t reason)
{
    struct sched_shutdown shutdown = {.reason = reason};

    for (;;)
        (void)hyp_sched_op(SCHEDOP_shutdown, &shutdown);
}

void guest_crash(void) { guest_shutdown(SHUTDOWN_crash); }

bool guest_option(const char *word)
{
    size_t length = strlen(word);

    for (const char *p = start_info->cmd_line; *p != '\0';) {
        size_t n = 0;

        while (p[n] != ' ' && p[n] != '\0')
            n++;
        if (n == length && memcmp(p, word, n) == 0)
            return true;
        p += n;
        while (*p == ' ')
            p++;
    }
    return false;
}

void console_write(const char *text, size_t size)
{
    while (size != 0) {
        int64_t done = hyp_console_io(CONSOLEIO_write, size, text);

        if (done <= 0)
            return;
        text += done;
        size -= (size_t)done;
    }
}
