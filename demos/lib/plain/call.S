/* SPDX-License-Identifier: Apache-2.0 */
/* SMCCC keeps arguments, results and what may be lost where AAPCS64 has them. */
    .text
    .global hvc_call
    .type   hvc_call, %function
hvc_call:
    hvc     #0
    sxtw    x0, w0
    ret
    .size   hvc_call, . - hvc_call

    .global smc_call
    .type   smc_call, %function
smc_call:
    smc     #0
    sxtw    x0, w0
    ret
    .size   smc_call, . - smc_call
