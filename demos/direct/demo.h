/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the demo kernel. */
#pragma once

#include "direct/table.h"
#include "direct/user.h"

/* --- process.c: programs at EL0, each in an address space of its own ---------------------------
 */

#define TEXT_VA UINT64_C(0x00400000) /* the programs of user.S, shared by all */
#define HEAP_VA UINT64_C(0x10000000) /* appears when it is touched */

struct process {
    struct space space;
    struct user user;
};

/* Page faults answered since the start. */
struct fault_counts {
    uint64_t zeroed; /* pages made on first touch */
    uint64_t copied; /* pages copied on write */
    uint64_t reused; /* pages whose other users had gone */
};
extern struct fault_counts faults;

/* Once, before the first process. */
void process_init(void);

void process_create(struct process *p, uint16_t asid);
/* The child has what the parent has; pages are copied when one of them writes. */
void process_fork(struct process *child, struct process *parent, uint16_t asid);
void process_exit(struct process *p);

/* Load its address space. */
void process_switch(struct process *p);

/* Runs a program of user.S in it, answers its page faults; false if it did what it may not. */
bool process_run(struct process *p, const char *program, uint64_t x0, uint64_t x1, uint64_t x2);

/* --- work.c, forbidden.c, shell.c: what the demo shows -----------------------------------------
 */

/* Says what went wrong and ends the guest as crashed. */
NORETURN void demo_failed(const char *what, uint64_t seen, uint64_t wanted);
void demo_check(uint64_t seen, uint64_t wanted, const char *what);

/* With the assist off: how a direct guest starts. */
void work_strict(void);
void work_spaces(void);
void work_ranges(void);
void work_fork(unsigned int children);
void work_switch(void);
void work_hypercalls(void);

void forbidden_strict(void);
void forbidden(void);

void shell(void);
