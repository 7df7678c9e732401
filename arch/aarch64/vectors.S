/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's exception vectors: save, call C, restore, ERET; what an exception means is C's business.
 *
 * While a guest runs, SP_EL2 points to its struct vcpu, which starts with struct regs, so that the
 * first stores need no scratch register. TPIDR_EL2 holds the struct cpu at all times, and the
 * CPU's stack ends right below it.
 *
 * HVC, most writes of system registers and interrupts take the fast path: x20-x28 stay in the CPU, where C code preserves them, and
 * reach struct regs only when another vCPU is to run. All else saves them before it calls C and
 * reloads them after.
 */
#include <arch/asm_offsets.h>

    .arch_extension fp
    .arch_extension simd

/* Guest -> EL2. Out: x0 = vCPU, x1 = ESR_EL2, sp = struct cpu; x20-x28 untouched. */
    .macro guest_save
    stp     x0, x1, [sp, #0]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x29, x30, [sp, #232]
    mrs     x2, elr_el2
    mrs     x3, spsr_el2
    stp     x2, x3, [sp, #REGS_ELR]
    mrs     x4, tpidr_el2
    mov     x0, sp
    mrs     x1, esr_el2
    mov     sp, x4
    .endm

/* x0 = vCPU; the registers that guest_save leaves in the CPU. */
    .macro save_rest
    stp     x20, x21, [x0, #160]
    stp     x22, x23, [x0, #176]
    stp     x24, x25, [x0, #192]
    stp     x26, x27, [x0, #208]
    str     x28, [x0, #224]
    .endm

    .macro load_rest
    ldp     x20, x21, [x0, #160]
    ldp     x22, x23, [x0, #176]
    ldp     x24, x25, [x0, #192]
    ldp     x26, x27, [x0, #208]
    ldr     x28, [x0, #224]
    .endm

/* An exception that EL2 itself raised: a defect. \number is the offset of the vector. */
    .macro el2_slot number
    .org vectors + \number
    msr     sp_el0, x0
    mov     x0, #\number
    b       el2_exception
    .endm

    .macro sync_slot number
    .org vectors + \number
    guest_save
    lsr     x3, x1, #26
    cmp     x3, #0x16               /* EC: HVC of A64 */
    b.eq    hvc
    cmp     x3, #0x18               /* MSR, MRS */
    b.eq    sysreg
    b       full
    .endm

    .macro irq_slot number
    .org vectors + \number
    guest_save
    bl      trap_irq
    b       fast_exit
    .endm

    .macro serror_slot number
    .org vectors + \number
    guest_save
    save_rest
    bl      trap_serror
    b       full_exit
    .endm

    .section .text.vectors, "ax"
    .balign 2048
    .global vectors
    .type   vectors, %function
vectors:
    el2_slot    0x000
    el2_slot    0x080
    el2_slot    0x100
    el2_slot    0x180
    el2_slot    0x200
    el2_slot    0x280
    el2_slot    0x300
    el2_slot    0x380
    sync_slot   0x400
    irq_slot    0x480
    irq_slot    0x500
    serror_slot 0x580
    sync_slot   0x600
    irq_slot    0x680
    irq_slot    0x700
    serror_slot 0x780
    .org vectors + 0x800
    .size   vectors, . - vectors

sysreg:
    bl      trap_sysreg_quick
    cbnz    w0, fast_exit
    ldr     x0, [sp, #CPU_CURRENT]
    mrs     x1, esr_el2
full:
    save_rest
    bl      trap_full
full_exit:
    ldr     x0, [sp, #CPU_CURRENT]
    load_rest
    b       fast_exit

hvc:
    bl      trap_hvc
/* sp = struct cpu */
fast_exit:
    ldp     x0, x2, [sp, #CPU_CURRENT]
    cbnz    x2, work
/* x0 = vCPU, x20-x28 are its. */
restore:
    mov     sp, x0
    ldp     x2, x3, [x0, #REGS_ELR]
    msr     elr_el2, x2
    msr     spsr_el2, x3
    ldp     x29, x30, [sp, #232]
    ldp     x18, x19, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp, #0]
    eret
    dsb     nsh                     /* nothing after ERET is speculated into */
    isb

/* x0 = vCPU, w2 = resched */
work:
    cbnz    w2, switch
    str     wzr, [sp, #CPU_REFILL]
    bl      vgic_fill_lrs
    b       fast_exit

switch:
    save_rest
    bl      sched_switch
/* void guest_enter(void): run cpu->current with all its registers. Does not return. */
    .global guest_enter
    .type   guest_enter, %function
guest_enter:
    mrs     x1, tpidr_el2
    ldr     x0, [x1, #CPU_CURRENT]
    load_rest
    b       restore
    .size   guest_enter, . - guest_enter

/*
 * In: x0 = vector offset, SP_EL0 = x0 of the code that failed. The stack may be what failed, so the
 * frame goes to another one. Guest state in SP_EL0 and TPIDRRO_EL0 is lost: the machine ends.
 */
el2_exception:
    msr     tpidrro_el0, x1
    mrs     x1, tpidr_el2
    ldr     x1, [x1, #CPU_PANIC_TOP]
    sub     x1, x1, #PANIC_SIZE
    stp     x2, x3, [x1, #16]
    stp     x4, x5, [x1, #32]
    stp     x6, x7, [x1, #48]
    stp     x8, x9, [x1, #64]
    stp     x10, x11, [x1, #80]
    stp     x12, x13, [x1, #96]
    stp     x14, x15, [x1, #112]
    stp     x16, x17, [x1, #128]
    stp     x18, x19, [x1, #144]
    stp     x20, x21, [x1, #160]
    stp     x22, x23, [x1, #176]
    stp     x24, x25, [x1, #192]
    stp     x26, x27, [x1, #208]
    stp     x28, x29, [x1, #224]
    mrs     x2, sp_el0
    mrs     x3, tpidrro_el0
    stp     x2, x3, [x1, #0]
    mov     x2, sp
    stp     x30, x2, [x1, #240]
    mrs     x2, elr_el2
    mrs     x3, spsr_el2
    stp     x2, x3, [x1, #PANIC_ELR]
    mrs     x2, esr_el2
    mrs     x3, far_el2
    stp     x2, x3, [x1, #PANIC_ESR]
    mov     sp, x1
    /* panic_exception(const struct panic_frame *frame, unsigned int vector) */
    mov     x4, x0
    mov     x0, x1
    mov     x1, x4
    bl      panic_exception
1:  wfi
    b       1b

/* void fp_save(struct fp_regs *), void fp_load(const struct fp_regs *). Clobber x1, x2. */
    .macro fp_each op
    \op     q0, q1, [x0, #0]
    \op     q2, q3, [x0, #32]
    \op     q4, q5, [x0, #64]
    \op     q6, q7, [x0, #96]
    \op     q8, q9, [x0, #128]
    \op     q10, q11, [x0, #160]
    \op     q12, q13, [x0, #192]
    \op     q14, q15, [x0, #224]
    \op     q16, q17, [x0, #256]
    \op     q18, q19, [x0, #288]
    \op     q20, q21, [x0, #320]
    \op     q22, q23, [x0, #352]
    \op     q24, q25, [x0, #384]
    \op     q26, q27, [x0, #416]
    \op     q28, q29, [x0, #448]
    \op     q30, q31, [x0, #480]
    .endm

    .text
    .global fp_save
    .type   fp_save, %function
fp_save:
    fp_each stp
    mrs     x1, fpsr
    mrs     x2, fpcr
    add     x0, x0, #FP_STATUS
    stp     x1, x2, [x0]
    ret
    .size   fp_save, . - fp_save

    .global fp_load
    .type   fp_load, %function
fp_load:
    fp_each ldp
    add     x0, x0, #FP_STATUS
    ldp     x1, x2, [x0]
    msr     fpsr, x1
    msr     fpcr, x2
    ret
    .size   fp_load, . - fp_load
