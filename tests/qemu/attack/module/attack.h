/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What a kernel does that is under an attacker's control: the module offers it to any process, by
 * ioctl() of /dev/attack. Nothing here is an attack yet; the program beside it makes attacks of it.
 */
#pragma once

enum {
    ATTACK_LOAD,      /* the word at a kernel address */
    ATTACK_STORE,     /* b to the word at a kernel address a, by a plain store */
    ATTACK_USER,      /* b to a user's address a, as the user would (STTR), by root c if not 0 */
    ATTACK_ENTRY,     /* the address of the entry of level b on the way to the address a */
    ATTACK_PAGES,     /* the address of 1 << a new pages, zeroed, that nobody frees */
    ATTACK_PHYS,      /* the physical address of what a kernel address maps */
    ATTACK_LINEAR,    /* where the kernel has a physical address in its linear map */
    ATTACK_ALIAS,     /* another address of the page at linear address a, not cached */
    ATTACK_FLUSH,     /* TLBI VMALLE1IS */
    ATTACK_CALL,      /* the result of the function at a, called with b at EL1 */
    ATTACK_READ,      /* the register a */
    ATTACK_WRITE,     /* b to the register a; reads it back */
    ATTACK_LOAD_WITH, /* with bits a of SCTLR_EL1 on and bits b off: the word at physical c */
    ATTACK_LOAD_BY,   /* the word at kernel address b, by root a in TTBR1_EL1 */
    ATTACK_IMAGE, /* where the kernel's image has something: code, a constant, its name (data) */
    ATTACK_SMCCC, /* HVC with the function `result`, and a, b, c */
};

enum {
    ATTACK_TTBR0,
    ATTACK_TTBR1,
    ATTACK_TCR,
    ATTACK_SCTLR,
    ATTACK_MAIR,
};

enum {
    ATTACK_CODE,
    ATTACK_CONSTANT,
    ATTACK_DATA,
};

struct attack {
    unsigned long op, a, b, c;
    unsigned long result;
};

/* 0; EFAULT: what was tried ended in an exception, and nothing came of it. */
#define ATTACK_IOCTL 0xa77ac
