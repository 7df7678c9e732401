/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm SCALE [NAME...]: heavy work for a Linux kernel's memory management, each part once, or
 * those that are named. One line for each, with a number that is the same wherever and however fast
 * it ran. SCALE is `short` or `long`.
 */
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

void fail_at(const char *function, int line, const char *format, ...)
{
    int error = errno;
    va_list arguments;

    printf("storm: FAILED in %s, line %d: ", function, line);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    printf(" (%s)\n", strerror(error));
    (void)fflush(stdout);
    _exit(1);
}

uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

uint64_t mix(uint64_t sum, uint64_t value)
{
    return ((sum ^ value) * UINT64_C(0x9e3779b97f4a7c15)) ^ (sum >> 29);
}

unsigned char *map_aligned(size_t size, size_t align)
{
    unsigned char *at =
        mmap(NULL, size + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before = align - ((uintptr_t)at & (align - 1));

    need(at != MAP_FAILED);
    need(munmap(at, before) == 0);
    if (before != align)
        need(munmap(at + before + size, align - before) == 0);
    return at + before;
}

void fill(unsigned char *at, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i += PAGE)
        *(volatile uint64_t *)(at + i) = mix(seed, i);
}

uint64_t check_filled(const unsigned char *at, size_t size, uint64_t seed)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < size; i += PAGE) {
        uint64_t found = *(const volatile uint64_t *)(at + i);

        if (found != mix(seed, i))
            fail("page %zu of %zu holds %#llx", i / PAGE, size / PAGE, (unsigned long long)found);
        sum = mix(sum, found);
    }
    return sum;
}

void wait_for(pid_t pid)
{
    need(pid > 0);
    wait_for_any(pid);
}

void wait_for_any(pid_t pid)
{
    int status = 0;

    need(waitpid(pid, &status, 0) > 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail("a child ended with status %#x", (unsigned int)status);
}

void shell(const char *format, ...)
{
    char command[512];
    va_list arguments;
    pid_t pid;

    va_start(arguments, format);
    (void)vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    pid = fork();
    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    wait_for(pid);
}

void read_line(const char *path, char *line, size_t size)
{
    int file = open(path, O_RDONLY);
    ssize_t length = file < 0 ? 0 : read(file, line, size - 1);

    line[length > 0 ? length : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (file >= 0)
        (void)close(file);
}

bool write_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_TRUNC);
    bool good = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);

    if (file >= 0)
        (void)close(file);
    return good;
}

void set_file(const char *path, const char *text)
{
    if (!write_file(path, text))
        fail("cannot write %s to %s", text, path);
}

static const struct {
    const char *name;
    uint64_t (*run)(unsigned int amount);
    unsigned int amount[2]; /* short, long */
} parts[] = {
    {"processes", processes, {80, 500}},   {"threads", threads, {60, 1500}},
    {"transparent", transparent, {1, 10}}, {"hugetlb", hugetlb, {1, 10}},
    {"modules", modules, {1, 10}},         {"bpf", bpf, {10, 400}},
    {"tracing", tracing, {1, 10}},         {"pipeline", pipeline, {2000, 30000}},
    {"hotplug", hotplug, {1, 8}},          {"reclaim", reclaim, {32, 128}},
};

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return argc <= 2;
}

int main(int argc, char **argv)
{
    unsigned int scale = argc > 1 && strcmp(argv[1], "long") == 0;

    (void)mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint64_t sum;

        if (!is_wanted(parts[i].name, argc, argv))
            continue;
        sum = parts[i].run(parts[i].amount[scale]);
        printf("storm: %s %016llx\n", parts[i].name, (unsigned long long)sum);
        (void)fflush(stdout);
    }
    return 0;
}
