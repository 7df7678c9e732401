/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of storm, a program that gives Linux's memory management heavy work. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE   ((size_t)4096)
#define HUGE   ((size_t)2 << 20)
#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

/*
 * A part: how much of it is the caller's to choose, and what it returns is the same in each run,
 * so that a guest's output can be compared with another's. What goes wrong ends the program, with
 * a line that says where.
 */
uint64_t processes(unsigned int count);
uint64_t threads(unsigned int rounds);
uint64_t transparent(unsigned int rounds);
uint64_t hugetlb(unsigned int rounds);
uint64_t reclaim(unsigned int mib);
uint64_t modules(unsigned int rounds);
uint64_t bpf(unsigned int count);
uint64_t tracing(unsigned int rounds);
uint64_t pipeline(unsigned int lines);
uint64_t hotplug(unsigned int rounds);

#define fail(...) fail_at(__func__, __LINE__, __VA_ARGS__)
_Noreturn void fail_at(const char *function, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* fail() with errno's text unless `good`. */
#define need(good) ((good) ? (void)0 : fail("%s", #good))

uint64_t random_next(uint64_t *state);
uint64_t mix(uint64_t sum, uint64_t value);

/* Anonymous memory at a multiple of `align`. */
unsigned char *map_aligned(size_t size, size_t align);

/* Pages of a mapping, each with a word of its own that tells where and when it was written. */
void fill(unsigned char *at, size_t size, uint64_t seed);
uint64_t check_filled(const unsigned char *at, size_t size, uint64_t seed);

/* The exit status of a child, of any of them (-1), or of a shell's command line has to be 0. */
void wait_for(pid_t pid);
void wait_for_any(pid_t pid);
void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A file's first line, without its end; "" if there is none. Writing one: is it taken? */
void read_line(const char *path, char *line, size_t size);
bool write_file(const char *path, const char *text);
void set_file(const char *path, const char *text);
