/* SPDX-License-Identifier: Apache-2.0 */
/* Loops about processes. */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

#define BIG MIB(64)

int wait_for(pid_t pid)
{
    int status = 0;

    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* Returns after the child has gone to sleep: its own first faults are not part of what follows. */
int child_begin(struct child *child)
{
    int there[2];
    int back[2];
    char byte = 0;

    if (pipe(there) != 0 || pipe(back) != 0) {
        return -1;
    }
    child->pid = fork();
    if (child->pid == 0) {
        (void)close(there[1]);
        _exit(write(back[1], &byte, 1) == 1 && read(there[0], &byte, 1) == 1 ? 0 : 1);
    }
    (void)close(there[0]);
    (void)close(back[1]);
    child->pipe = there[1];
    int failed = child->pid < 0 || read(back[0], &byte, 1) != 1;
    (void)close(back[0]);
    return failed ? -1 : 0;
}

int child_end(const struct child *child)
{
    int failed = write(child->pipe, "", 1) != 1;

    (void)close(child->pipe);
    return wait_for(child->pid) == 0 && !failed ? 0 : -1;
}

static int getppid_loop(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        (void)syscall(SYS_getppid);
    }
    return 0;
}

static int fork_exit(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            _exit(0);
        }
        if (wait_for(pid) != 0) {
            return -1;
        }
    }
    return 0;
}

static int fork_exec(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            (void)execl("/bin/busybox", "busybox", "true", NULL);
            _exit(1);
        }
        if (wait_for(pid) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Of its own because a child of vfork() shares its parent's stack. */
__attribute__((noinline)) static pid_t vfork_true(void)
{
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): it is timed */

    if (pid == 0) {
        (void)execl("/bin/busybox", "busybox", "true", NULL);
        _exit(1);
    }
    return pid;
}

static int vfork_exec(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        if (wait_for(vfork_true()) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Two context switches and four system calls an operation. */
static int pipe_ping_pong(unsigned long count)
{
    int there[2];
    int back[2];
    char byte = 0;

    if (pipe(there) != 0 || pipe(back) != 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned long i = 0; i < count; i++) {
            if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1) {
                _exit(1);
            }
        }
        _exit(0);
    }
    for (unsigned long i = 0; i < count; i++) {
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) {
            return -1;
        }
    }
    return wait_for(pid);
}

/* Forks a process that has 64 MiB in pages of 4 KiB; times the fork, or the child's end. */
static int fork_big(unsigned long count, int protection, int time_end)
{
    int failed = 0;

    clock_stop();
    unsigned char *base = dirty_memory(BIG);
    if (base == NULL || mprotect(base, BIG, protection) != 0) {
        return -1;
    }
    for (unsigned long i = 0; i < count && !failed; i++) {
        struct child child;

        if (!time_end) {
            clock_start();
        }
        failed = child_begin(&child) != 0;
        clock_stop();
        if (time_end) {
            clock_start();
        }
        failed = failed || child_end(&child) != 0;
        clock_stop();
    }
    (void)munmap(base, BIG);
    clock_start();
    return failed ? -1 : 0;
}

static int fork_dirty(unsigned long count) { return fork_big(count, PROT_READ | PROT_WRITE, 0); }

static int exit_dirty(unsigned long count) { return fork_big(count, PROT_READ | PROT_WRITE, 1); }

static int fork_read_only(unsigned long count) { return fork_big(count, PROT_READ, 0); }

static int exit_read_only(unsigned long count) { return fork_big(count, PROT_READ, 1); }

const struct loop process_loops[] = {
    {"getppid", getppid_loop, 100000}, {"fork_exit", fork_exit, 100},
    {"fork_exec", fork_exec, 50},      {"vfork_exec", vfork_exec, 50},
    {"pipe", pipe_ping_pong, 2000},    {"fork_dirty", fork_dirty, 8},
    {"exit_dirty", exit_dirty, 8},     {"fork_ro", fork_read_only, 8},
    {"exit_ro", exit_read_only, 8},    {NULL, NULL, 0},
};
