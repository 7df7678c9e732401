/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms. Each is entered with x0 = where to store, x1, x2 and the vector registers = what, and
 * may change x0-x15, flags and vectors; all of these are compared.
 */
#define FORM_NZCV 232
#define FORM_Q    240

/* Features, as stores.c knows them. */
#define LSE    1
#define LRCPC2 2
#define UAO    3

/* Places, bits as in stores.c: everywhere; where all but bytes are aligned to 4, 8, 16 bytes. */
#define ANY  0xfff
#define BY2  0x7f7
#define BY4  0x7e7
#define BY8  0x547
#define BY16 0x007
#define ONE  0x001
#define NARROW 0x017    /* also inside an entry, but not aligned */

    .arch armv8.2-a+lse+fp+simd+rcpc

    .text
/*
 * void form_run(struct form_state *, void (*code)(void)): all registers but x16-x18, x29, x30 and
 * SP are the form's. An exception handler that wants it over returns to form_abandon.
 */
    .global form_run
    .type   form_run, %function
form_run:
    stp     x29, x30, [sp, #-112]!
    stp     x27, x28, [sp, #16]
    stp     x25, x26, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x21, x22, [sp, #64]
    stp     x19, x20, [sp, #80]
    str     x0, [sp, #96]
    adrp    x2, form_sp
    mov     x3, sp
    str     x3, [x2, :lo12:form_sp]
    mov     x16, x1
    add     x17, x0, #FORM_Q
    ldp     q0, q1, [x17]
    ldp     q2, q3, [x17, #32]
    ldp     q4, q5, [x17, #64]
    ldp     q6, q7, [x17, #96]
    ldp     q8, q9, [x17, #128]
    ldp     q10, q11, [x17, #160]
    ldp     q12, q13, [x17, #192]
    ldp     q14, q15, [x17, #224]
    ldp     q16, q17, [x17, #256]
    ldp     q18, q19, [x17, #288]
    ldp     q20, q21, [x17, #320]
    ldp     q22, q23, [x17, #352]
    ldp     q24, q25, [x17, #384]
    ldp     q26, q27, [x17, #416]
    ldp     q28, q29, [x17, #448]
    ldp     q30, q31, [x17, #480]
    ldr     x2, [x0, #FORM_NZCV]
    msr     nzcv, x2
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x18, x19, [x0, #144]
    ldp     x20, x21, [x0, #160]
    ldp     x22, x23, [x0, #176]
    ldp     x24, x25, [x0, #192]
    ldp     x26, x27, [x0, #208]
    ldr     x28, [x0, #224]
    ldp     x0, x1, [x0]
    blr     x16
    ldr     x16, [sp, #96]
    stp     x0, x1, [x16]
    stp     x2, x3, [x16, #16]
    stp     x4, x5, [x16, #32]
    stp     x6, x7, [x16, #48]
    stp     x8, x9, [x16, #64]
    stp     x10, x11, [x16, #80]
    stp     x12, x13, [x16, #96]
    stp     x14, x15, [x16, #112]
    stp     x18, x19, [x16, #144]
    stp     x20, x21, [x16, #160]
    stp     x22, x23, [x16, #176]
    stp     x24, x25, [x16, #192]
    stp     x26, x27, [x16, #208]
    str     x28, [x16, #224]
    mrs     x17, nzcv
    str     x17, [x16, #FORM_NZCV]
    add     x17, x16, #FORM_Q
    stp     q0, q1, [x17]
    stp     q2, q3, [x17, #32]
    stp     q4, q5, [x17, #64]
    stp     q6, q7, [x17, #96]
    stp     q8, q9, [x17, #128]
    stp     q10, q11, [x17, #160]
    stp     q12, q13, [x17, #192]
    stp     q14, q15, [x17, #224]
    stp     q16, q17, [x17, #256]
    stp     q18, q19, [x17, #288]
    stp     q20, q21, [x17, #320]
    stp     q22, q23, [x17, #352]
    stp     q24, q25, [x17, #384]
    stp     q26, q27, [x17, #416]
    stp     q28, q29, [x17, #448]
    stp     q30, q31, [x17, #480]
    .global form_abandon
form_abandon:
    adrp    x2, form_sp
    ldr     x3, [x2, :lo12:form_sp]
    mov     sp, x3
    str     xzr, [x2, :lo12:form_sp]
    ldp     x19, x20, [sp, #80]
    ldp     x21, x22, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #32]
    ldp     x27, x28, [sp, #16]
    ldp     x29, x30, [sp], #112
    ret
    .size   form_run, . - form_run

    .bss
    .balign 8
    .global form_sp
form_sp:
    .skip   8

    .section .rodata.forms, "a"
    .balign 8
    .global forms
forms:
    .text

    .global forms_text
forms_text:

/* Begins a form; the code follows and ends with RET. */
    .macro form name:vararg
    form_   \name
    .endm
    .macro form_ name, feature=0, places=ANY
    .pushsection .rodata.forms_names, "a"
name_\@:
    .asciz  "\name"
    .popsection
    .pushsection .rodata.forms, "a"
    .quad   name_\@, code_\@, \feature, \places
    .popsection
code_\@:
    .endm

/* A form of one instruction. */
    .macro one name, places, instruction:vararg
    form    \name, 0, \places
    \instruction
    ret
    .endm
    .macro with name, feature, places, instruction:vararg
    form    \name, \feature, \places
    \instruction
    ret
    .endm

/* --- One general-purpose register --------------------------------------------------------------- */
    one     str-x, ANY, str x1, [x0]
    one     str-w, ANY, str w1, [x0]
    one     strh, ANY, strh w1, [x0]
    one     strb, ANY, strb w1, [x0]
    one     str-xzr, ANY, str xzr, [x0]
    one     str-wzr, ONE, str wzr, [x0]
    one     str-x-offset, ONE, str x1, [x0, #64]
    one     str-w-offset, ONE, str w1, [x0, #4]
    one     strh-offset, ONE, strh w1, [x0, #6]
    one     strb-offset, ONE, strb w1, [x0, #3]
    one     stur-x, ANY, stur x1, [x0, #-8]
    one     stur-w, ONE, stur w1, [x0, #-4]
    one     sturh, ONE, sturh w1, [x0, #-2]
    one     sturb, ONE, sturb w1, [x0, #-3]
    one     stur-unaligned, ONE, stur x1, [x0, #5]
    one     str-x-pre, ANY, str x1, [x0, #16]!
    one     str-w-pre, ONE, str w1, [x0, #-4]!
    one     strh-pre, ONE, strh w1, [x0, #2]!
    one     strb-pre, ONE, strb w1, [x0, #-1]!
    one     str-x-post, ANY, str x1, [x0], #-24
    one     str-w-post, ONE, str w1, [x0], #4
    one     strh-post, ONE, strh w1, [x0], #255
    one     strb-post, ONE, strb w1, [x0], #1
    form    str-x-lsl, 0, ONE
    mov     x9, #3
    str     x1, [x0, x9, lsl #3]
    ret
    form    str-x-sxtw, 0, ANY
    mov     w9, #-2
    str     x1, [x0, w9, sxtw #3]
    ret
    form    str-w-sxtx, 0, ONE
    mov     x9, #-4
    str     w1, [x0, x9, sxtx]
    ret
    form    strh-uxtw, 0, ONE
    mov     x9, #-1
    lsl     x9, x9, #32
    add     x9, x9, #3
    strh    w1, [x0, w9, uxtw #1]
    ret
    form    strb-uxtw, 0, ONE
    mov     x9, #5
    strb    w1, [x0, w9, uxtw]
    ret

/* The stack pointer as the base; its value goes to x10, what it was is nobody's business. */
    .macro on_stack name, places, instruction:vararg
    form    \name, 0, \places
    mov     x9, sp
    mov     sp, x0
    \instruction
    mov     x10, sp
    mov     sp, x9
    mov     x9, #0
    ret
    .endm
    on_stack str-sp, BY16, str x1, [sp, #8]
    on_stack str-sp-pre, BY16, str x1, [sp, #-16]!
    on_stack str-sp-post, BY16, str w1, [sp], #32
    on_stack stp-sp-pre, BY16, stp x1, x2, [sp, #-16]!
    on_stack stp-sp-post, BY16, stp w1, w2, [sp], #16
    on_stack str-q-sp, BY16, str q3, [sp, #16]!

/* EL0's permission, which is none; with PSTATE.UAO that of EL1. */
    one     sttr-x, ANY, sttr x1, [x0]
    one     sttr-w, ONE, sttr w1, [x0]
    one     sttrh, ONE, sttrh w1, [x0]
    one     sttrb, ONE, sttrb w1, [x0]
    .macro uao name, instruction:vararg
    form    \name, UAO, BY4
    msr     uao, #1
    \instruction
    msr     uao, #0
    ret
    .endm
    uao     sttr-x-uao, sttr x1, [x0]
    uao     sttr-w-uao, sttr w1, [x0, #-4]

    one     stlr-x, BY8, stlr x1, [x0]
    one     stlr-w, BY4, stlr w1, [x0]
    one     stlrh, BY2, stlrh w1, [x0]
    one     stlrb, ANY, stlrb w1, [x0]
    form    stlr-x-odd, 0, ONE
    add     x0, x0, #3
    stlr    x1, [x0]
    ret
    with    stlur-x, LRCPC2, BY8, .inst 0xd91f8001     /* stlur x1, [x0, #-8] */
    with    stlur-w, LRCPC2, ONE, .inst 0x99004001     /* stlur w1, [x0, #4] */
    with    stlurh, LRCPC2, ONE, .inst 0x59006001      /* stlurh w1, [x0, #6] */
    with    stlurb, LRCPC2, ONE, .inst 0x19003001      /* stlurb w1, [x0, #3] */
    .arch_extension lor
    with    stllr-x, LSE, ONE, stllr x1, [x0]
    with    stllrb, LSE, ONE, stllrb w1, [x0]

/* --- Pairs ------------------------------------------------------------------------------------- */
    one     stp-x, ANY, stp x1, x2, [x0]
    one     stp-w, ANY, stp w1, w2, [x0]
    one     stp-x-offset, ONE, stp x1, x2, [x0, #-32]
    one     stp-w-offset, ONE, stp w1, w2, [x0, #12]
    one     stp-x-pre, ANY, stp x1, x2, [x0, #-16]!
    one     stp-w-pre, ANY, stp w1, w2, [x0, #4]!
    one     stp-x-post, ANY, stp x1, x2, [x0], #32
    one     stp-w-post, ONE, stp w1, w2, [x0], #-8
    one     stp-same, ONE, stp x1, x1, [x0]
    one     stp-xzr, ANY, stp xzr, xzr, [x0]
    one     stp-x-xzr, ONE, stp x1, xzr, [x0]
    one     stnp-x, ANY, stnp x1, x2, [x0, #16]
    one     stnp-w, ANY, stnp w1, w2, [x0]

#include "exclusives.inc"

/* --- LSE --------------------------------------------------------------------------------------- */
    .macro compare name, places, increment, instruction:vararg
    form    \name, LSE, \places
    ldr     x8, [x0]
    add     x8, x8, #\increment
    \instruction
    ret
    .endm
    compare cas-x, BY8, 0, cas x8, x1, [x0]
    compare cas-x-different, BY8, 2, cas x8, x1, [x0]
    compare casa-x, ONE, 0, casa x8, x1, [x0]
    compare casl-x, ONE, 0, casl x8, x1, [x0]
    compare casal-x, ONE, 0, casal x8, x1, [x0]
    compare cas-w, BY4, 0, cas w8, w1, [x0]
    compare cas-w-different, ONE, 2, casal w8, w1, [x0]
    compare cash, NARROW, 0, cash w8, w1, [x0]
    compare casalh, ONE, 2, casalh w8, w1, [x0]
    compare casb, ANY, 0, casb w8, w1, [x0]
    compare casalb, ONE, 2, casalb w8, w1, [x0]
    compare cas-w-even, NARROW, 0, cas w8, w1, [x0]

    .macro compare_pair name, places, increment, r, instruction:vararg
    form    \name, LSE, \places
    ldp     \r\()8, \r\()9, [x0]
    add     x9, x9, #\increment
    mov     x4, x2
    mov     x5, x1
    \instruction
    ret
    .endm
    compare_pair casp-x, BY16, 0, x, casp x8, x9, x4, x5, [x0]
    compare_pair casp-x-different, ONE, 2, x, casp x8, x9, x4, x5, [x0]
    compare_pair caspal-x, ONE, 0, x, caspal x8, x9, x4, x5, [x0]
    compare_pair casp-w, BY8, 0, w, casp w8, w9, w4, w5, [x0]
    compare_pair casp-w-different, ONE, 2, w, caspal w8, w9, w4, w5, [x0]

    .macro atomic op, order
    with    \op\order\()-x, LSE, BY8, \op\order x1, x9, [x0]
    with    \op\order\()-w, LSE, BY4, \op\order w1, w9, [x0]
    with    \op\order\()h, LSE, ONE, \op\order\()h w1, w9, [x0]
    with    \op\order\()b, LSE, ONE, \op\order\()b w1, w9, [x0]
    .endm
    .macro atomics op
    atomic  \op
    atomic  \op, a
    atomic  \op, l
    atomic  \op, al
    with    \op\()h-even, LSE, NARROW, \op\()h w1, w9, [x0]
    .endm
    .macro atomic_store op
    with    \op\()-x, LSE, BY8, \op x1, [x0]
    with    \op\()l-w, LSE, ONE, \op\()l w1, [x0]
    with    \op\()h, LSE, ONE, \op\()h w1, [x0]
    with    \op\()b, LSE, ANY, \op\()b w1, [x0]
    .endm
    .irp    op, swp, ldadd, ldclr, ldeor, ldset, ldsmax, ldsmin, ldumax, ldumin
    atomics \op
    .endr
    .irp    op, stadd, stclr, steor, stset, stsmax, stsmin, stumax, stumin
    atomic_store \op
    .endr
    with    swp-xzr, LSE, ONE, swp xzr, x9, [x0]

/* --- Vectors ----------------------------------------------------------------------------------- */
    one     str-b, ANY, str b1, [x0]
    one     str-h, ANY, str h1, [x0]
    one     str-s, ANY, str s1, [x0]
    one     str-d, ANY, str d1, [x0]
    one     str-q, ANY, str q1, [x0]
    one     str-b-offset, ONE, str b1, [x0, #5]
    one     str-q-offset, ONE, str q31, [x0, #-16]
    one     stur-s, ONE, stur s30, [x0, #1]
    one     stur-q, ANY, stur q1, [x0, #-7]
    one     str-d-pre, ANY, str d1, [x0, #8]!
    one     str-q-pre, ONE, str q1, [x0, #-16]!
    one     str-h-post, ONE, str h1, [x0], #6
    one     str-q-post, ANY, str q1, [x0], #16
    form    str-q-register, 0, ANY
    mov     w9, #-1
    str     q1, [x0, w9, sxtw #4]
    ret
    form    str-b-register, 0, ONE
    mov     x9, #9
    str     b1, [x0, x9]
    ret
    one     stp-s, ANY, stp s1, s2, [x0]
    one     stp-d, ANY, stp d1, d2, [x0]
    one     stp-q, ANY, stp q1, q2, [x0]
    one     stp-q-offset, ONE, stp q30, q31, [x0, #-64]
    one     stp-d-pre, ANY, stp d1, d2, [x0, #-16]!
    one     stp-s-pre, ONE, stp s1, s2, [x0, #4]!
    one     stp-q-post, ANY, stp q1, q2, [x0], #32
    one     stnp-d, ONE, stnp d1, d2, [x0, #8]
    one     stnp-q, ANY, stnp q1, q2, [x0]

    .irp    size, 8b, 16b, 4h, 8h, 2s, 4s, 2d
    one     st1-1-\size, ANY, st1 {v1.\size}, [x0]
    one     st1-2-\size, ONE, st1 {v1.\size, v2.\size}, [x0]
    one     st1-3-\size, ONE, st1 {v1.\size, v2.\size, v3.\size}, [x0]
    one     st1-4-\size, ANY, st1 {v31.\size, v0.\size, v1.\size, v2.\size}, [x0]
    one     st2-\size, ANY, st2 {v1.\size, v2.\size}, [x0]
    one     st3-\size, ANY, st3 {v1.\size, v2.\size, v3.\size}, [x0]
    one     st4-\size, ANY, st4 {v29.\size, v30.\size, v31.\size, v0.\size}, [x0]
    .endr
    one     st1-1d, ONE, st1 {v1.1d}, [x0]
    one     st1-4-1d, ONE, st1 {v1.1d, v2.1d, v3.1d, v4.1d}, [x0]
    one     st1-post, ANY, st1 {v1.16b}, [x0], #16
    one     st1-3-post, ONE, st1 {v1.8b, v2.8b, v3.8b}, [x0], #24
    one     st2-post, ONE, st2 {v1.4s, v2.4s}, [x0], #32
    one     st3-post, ONE, st3 {v1.2d, v2.2d, v3.2d}, [x0], #48
    one     st4-post, ANY, st4 {v1.8h, v2.8h, v3.8h, v4.8h}, [x0], #64
    form    st4-post-register, 0, ANY
    mov     x3, #40
    st4     {v1.2s, v2.2s, v3.2s, v4.2s}, [x0], x3
    ret
    one     st1-b0, ONE, st1 {v1.b}[0], [x0]
    one     st1-b15, ANY, st1 {v1.b}[15], [x0]
    one     st1-h3, ANY, st1 {v1.h}[3], [x0]
    one     st1-h7, ONE, st1 {v1.h}[7], [x0]
    one     st1-s2, ANY, st1 {v1.s}[2], [x0]
    one     st1-s3, ONE, st1 {v1.s}[3], [x0]
    one     st1-d1, ANY, st1 {v1.d}[1], [x0]
    one     st2-b9, ONE, st2 {v1.b, v2.b}[9], [x0]
    one     st2-h1, ANY, st2 {v1.h, v2.h}[1], [x0]
    one     st2-d0, ANY, st2 {v1.d, v2.d}[0], [x0]
    one     st3-b4, ANY, st3 {v1.b, v2.b, v3.b}[4], [x0]
    one     st3-s3, ONE, st3 {v1.s, v2.s, v3.s}[3], [x0]
    one     st3-d1, ONE, st3 {v30.d, v31.d, v0.d}[1], [x0]
    one     st4-b15, ONE, st4 {v1.b, v2.b, v3.b, v4.b}[15], [x0]
    one     st4-s1, ANY, st4 {v1.s, v2.s, v3.s, v4.s}[1], [x0]
    one     st4-d1, ANY, st4 {v1.d, v2.d, v3.d, v4.d}[1], [x0]
    one     st1-s1-post, ONE, st1 {v1.s}[1], [x0], #4
    form    st2-h5-post, 0, ONE
    mov     x3, #-8
    st2     {v1.h, v2.h}[5], [x0], x3
    ret
    one     st3-b7-post, ONE, st3 {v1.b, v2.b, v3.b}[7], [x0], #3
    one     st4-d0-post, ANY, st4 {v1.d, v2.d, v3.d, v4.d}[0], [x0], #32

/* --- The rest ---------------------------------------------------------------------------------- */
    one     dc-zva, ANY, dc zva, x0
    one     prefetch, ONE, prfm pstl1strm, [x0]

    .global forms_text_end
forms_text_end:
    svc     #0

    .section .rodata.forms, "a"
    .global forms_end
forms_end:
