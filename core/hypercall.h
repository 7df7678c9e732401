/* SPDX-License-Identifier: Apache-2.0 */
/* Hypercalls: HVC #0xEA1, number in x16, arguments in x0.., result in x0. */
#pragma once

struct vcpu;

void hypercall(struct vcpu *vcpu);
