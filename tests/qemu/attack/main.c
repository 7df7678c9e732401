/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attack [NAME...]: attacks on this machine's page tables, with a kernel's powers (module/). Each
 * is tried by a process of its own, and one line says what came of it: "attack NAME: succeeded",
 * "refused", or "broken" if it could not be tried. Without a name, all of them.
 */
#include "attacks.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module/attack.h"

enum { SUCCEEDED = 0, REFUSED = 1, BROKEN = 2 };

static int module = -1;

void broken(const char *function, int line, const char *what)
{
    printf("attack: %s, line %d: %s (%s)\n", function, line, what, strerror(errno));
    (void)fflush(stdout);
    _exit(BROKEN);
}

/* --- The module ------------------------------------------------------------------------------- */

static bool try(struct attack request, uint64_t *result)
{
    if (ioctl(module, ATTACK_IOCTL, &request) != 0) {
        need(errno == EFAULT);
        return false;
    }
    if (result != NULL)
        *result = request.result;
    return true;
}

static uint64_t ask(uint64_t op, uint64_t a, uint64_t b)
{
    uint64_t result;

    need(try((struct attack){.op = op, .a = a, .b = b}, &result));
    return result;
}

bool kernel_load(uint64_t at, uint64_t *value)
{
    return try((struct attack){.op = ATTACK_LOAD, .a = at}, value);
}

bool kernel_store(uint64_t at, uint64_t value)
{
    return try((struct attack){.op = ATTACK_STORE, .a = at, .b = value}, NULL);
}

bool kernel_call(uint64_t function, uint64_t argument, uint64_t *result)
{
    return try((struct attack){.op = ATTACK_CALL, .a = function, .b = argument}, result);
}

bool kernel_write(uint64_t reg, uint64_t value, uint64_t *after)
{
    return try((struct attack){.op = ATTACK_WRITE, .a = reg, .b = value}, after);
}

bool store_as_user(uint64_t at, uint64_t value, uint64_t root)
{
    return try((struct attack){.op = ATTACK_USER, .a = at, .b = value, .c = root}, NULL);
}

bool kernel_load_with(uint64_t set, uint64_t clear, uint64_t pa, uint64_t *value)
{
    return try((struct attack){.op = ATTACK_LOAD_WITH, .a = set, .b = clear, .c = pa}, value);
}

bool kernel_load_by(uint64_t root, uint64_t at, uint64_t *value)
{
    return try((struct attack){.op = ATTACK_LOAD_BY, .a = root, .b = at}, value);
}

uint64_t kernel_image(uint64_t what) { return ask(ATTACK_IMAGE, what, 0); }

uint64_t kernel_smccc(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t result;

    need(try((struct attack){ATTACK_SMCCC, a, b, c, function}, &result));
    return result;
}

uint64_t kernel_read(uint64_t reg) { return ask(ATTACK_READ, reg, 0); }

uint64_t kernel_word(uint64_t at) { return ask(ATTACK_LOAD, at, 0); }

uint64_t kernel_entry(const volatile void *va, uint64_t level)
{
    return ask(ATTACK_ENTRY, (uintptr_t)va, level);
}

uint64_t kernel_pages(uint64_t order) { return ask(ATTACK_PAGES, order, 0); }

uint64_t kernel_physical(uint64_t va) { return ask(ATTACK_PHYS, va, 0); }

uint64_t kernel_linear(uint64_t pa) { return ask(ATTACK_LINEAR, pa, 0); }

uint64_t kernel_alias(uint64_t linear) { return ask(ATTACK_ALIAS, linear, 0); }

void kernel_flush(void) { (void)ask(ATTACK_FLUSH, 0, 0); }

/* --- The user's own accesses ------------------------------------------------------------------ */

/*
 * Linux tries again for ever where an entry has lost its valid bit and looks like one of a swap
 * device that there is none of: after a while the access has failed.
 */
#define PATIENCE_US 250000

static sigjmp_buf back;

static void jump_back(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

bool user_store(volatile void *at, uint64_t value)
{
    if (sigsetjmp(back, 1) != 0)
        return false;
    (void)ualarm(PATIENCE_US, 0);
    *(volatile uint64_t *)at = value;
    (void)ualarm(0, 0);
    return true;
}

bool user_load(const volatile void *at, uint64_t *value)
{
    if (sigsetjmp(back, 1) != 0)
        return false;
    (void)ualarm(PATIENCE_US, 0);
    *value = *(const volatile uint64_t *)at;
    (void)ualarm(0, 0);
    return true;
}

volatile unsigned char *map_table(void)
{
    unsigned char *at =
        mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *aligned = at + (-(uintptr_t)at & (HUGE - 1));

    need(at != MAP_FAILED && madvise(at, 2 * HUGE, MADV_NOHUGEPAGE) == 0);
    *(volatile uint64_t *)aligned = 1;
    return aligned;
}

/* ---------------------------------------------------------------------------------------------- */

static void load_module(void)
{
    int file = open("/lib/modules/attack.ko", O_RDONLY | O_CLOEXEC);

    need(file >= 0 && (syscall(SYS_finit_module, file, "", 0) == 0 || errno == EEXIST));
    (void)close(file);
    module = open("/dev/attack", O_RDWR | O_CLOEXEC);
    need(module >= 0);
}

/* Linux sends SIGILL after an undefined instruction of its own that was passed over. */
static void go_on(int signal) { (void)signal; }

/* Whatever was reported before, what comes now is: so many are in a second. */
static void be_heard(void) { (void)usleep(1100000); }

static void attack(const struct attack_case *attack)
{
    static const char *const outcomes[] = {"succeeded", "refused", "broken"};
    int status = 0, outcome = BROKEN;
    pid_t pid;

    if (attack->is_noisy)
        be_heard();
    pid = fork();
    if (pid == 0) {
        (void)signal(SIGILL, go_on);
        (void)signal(SIGSEGV, jump_back);
        (void)signal(SIGBUS, jump_back);
        (void)signal(SIGALRM, jump_back);
        _exit(attack->run() ? SUCCEEDED : REFUSED);
    }
    need(pid > 0 && waitpid(pid, &status, 0) == pid);
    /* So the kernel ends who jumps to what cannot be executed. */
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        outcome = REFUSED;
    if (WIFEXITED(status) && WEXITSTATUS(status) <= BROKEN)
        outcome = WEXITSTATUS(status);
    printf("attack %s: %s\n", attack->name, outcomes[outcome]);
    (void)fflush(stdout);
}

static bool is_named(const char *name, char **names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return count == 0;
}

int main(int argc, char **argv)
{
    static const struct attack_case *const groups[] = {image_attacks, register_attacks,
                                                       table_attacks};

    load_module();
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        be_heard();
        for (const struct attack_case *c = groups[i]; c->name != NULL; c++) {
            if (is_named(c->name, argv + 1, argc - 1))
                attack(c);
        }
    }
    return 0;
}
