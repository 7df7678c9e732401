/* SPDX-License-Identifier: Apache-2.0 */
/* Where vectors.S finds things; each number has a static_assert beside its structure or in trap.c.
 */
#pragma once

#define REGS_ELR 248 /* struct regs: elr, spsr */

#define FP_STATUS 512 /* struct fp_regs: fpsr, fpcr */

#define CPU_MAX 8 /* of a machine; a spin-table's entries of head.S */

#define CPU_CURRENT   0  /* struct cpu: current, resched and refill */
#define CPU_REFILL    12 /* struct cpu: refill */
#define CPU_PANIC_TOP 16 /* struct cpu: the stack for exceptions of EL2 itself */

/* struct panic_frame of <arch/panic.h>: x0-x30, sp, elr, spsr, esr, far */
#define PANIC_SP   248
#define PANIC_ELR  256
#define PANIC_ESR  272
#define PANIC_SIZE 288
