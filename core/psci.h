/* SPDX-License-Identifier: Apache-2.0 */
/* PSCI 1.1 and SMCCC 1.1 as guests see them, by HVC #0 and SMC #0. */
#pragma once

struct vcpu;

/* Function number in x0, arguments in x1.., result in x0 (x0-x3 for the vendor's UID). */
void psci_call(struct vcpu *vcpu);
