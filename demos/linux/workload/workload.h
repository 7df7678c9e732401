/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of workload: loops that are timed, and the clock. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE   ((size_t)4096)
#define MIB(n) ((size_t)(n) << 20)

/* `count` operations; 0 if all were well. */
struct loop {
    const char *name;
    int (*run)(unsigned long count);
    unsigned long count;
};

extern const struct loop process_loops[], memory_loops[], command_loops[]; /* end with no name */

/* The clock runs when a loop is entered. What is not part of an operation stands between a stop and
 * a start. */
void clock_stop(void);
void clock_start(void);

/* 0 if the process ended with status 0. */
int wait_for(pid_t pid);

/* A child that lives until it is released by child_end(), which waits for its end. */
struct child {
    pid_t pid;
    int pipe;
};
int child_begin(struct child *child);
int child_end(const struct child *child);

/* Anonymous memory in pages of 4 KiB, at a multiple of 2 MiB and each page written; NULL if there
 * is none. */
unsigned char *dirty_memory(size_t size);
