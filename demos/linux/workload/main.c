/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timed loops for comparing a Linux guest with and without the hypervisor. Each prints
 * "bench: NAME OPERATIONS TICKS", TICKS of the virtual counter; one more line tells its
 * frequency, and "boot" how long the guest took from its start to here. `workload NAME...` runs
 * only those named.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL

static inline uint64_t counter(void)
{
    uint64_t value;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value)::"memory");
    return value;
}

static inline uint64_t frequency(void)
{
    uint64_t value;

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(value));
    return value;
}

static int getppid_loop(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        (void)syscall(SYS_getppid);
    }
    return 0;
}

/* One minor fault a page: memory is mapped, touched once and unmapped. */
static int touch_pages(unsigned long count)
{
    unsigned char *base =
        mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) {
        return -1;
    }
    (void)madvise(base, count * PAGE, MADV_NOHUGEPAGE);
    for (unsigned long i = 0; i < count; i++) {
        ((volatile unsigned char *)base)[i * PAGE] = 1;
    }
    return munmap(base, count * PAGE);
}

static int protect_pages(unsigned long count)
{
    const size_t size = 256 * PAGE;
    unsigned char *base =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (base == MAP_FAILED) {
        return -1;
    }
    for (unsigned long i = 0; i < count; i++) {
        if (mprotect(base, size, (i & 1) == 0 ? PROT_READ : PROT_READ | PROT_WRITE) != 0) {
            return -1;
        }
    }
    return munmap(base, size);
}

static int wait_for(pid_t pid)
{
    int status = 0;

    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
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

static const struct {
    const char *name;
    int (*run)(unsigned long count);
    unsigned long count;
} loops[] = {
    {"getppid", getppid_loop, 100000}, {"touch", touch_pages, 4096},
    {"mprotect", protect_pages, 200},  {"fork_exit", fork_exit, 100},
    {"fork_exec", fork_exec, 50},      {"pipe", pipe_ping_pong, 2000},
};

static int wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return 1;
        }
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    /* The counter is 0 when the guest starts. */
    uint64_t boot = counter();

    printf("bench: frequency %llu\n", (unsigned long long)frequency());
    printf("bench: boot 1 %llu\n", (unsigned long long)boot);
    for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
        if (!wanted(loops[i].name, argc, argv)) {
            continue;
        }
        /* One round unmeasured: the first one pays for memory that later ones find ready. */
        (void)loops[i].run(loops[i].count / 16 + 1);
        uint64_t start = counter();
        int failed = loops[i].run(loops[i].count);
        uint64_t ticks = counter() - start;

        if (failed != 0) {
            printf("bench: %s failed\n", loops[i].name);
            return 1;
        }
        printf("bench: %s %lu %llu\n", loops[i].name, loops[i].count, (unsigned long long)ticks);
        (void)fflush(stdout);
    }
    return 0;
}
