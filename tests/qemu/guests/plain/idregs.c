/* SPDX-License-Identifier: Apache-2.0 */
/* Prints every ID register, reserved ones too: op0 3, op1 0, CRn 0, CRm 0 to 7; and what passes. */
#include "common/print.h"
#include "plain/guest.h"

#define ONE(crm, op2) print("id %u %u 0x%016lx\n", crm, op2, read_sysreg(S3_0_C0_C##crm##_##op2));
#define ALL(crm)                                                                                   \
    ONE(crm, 0) ONE(crm, 1) ONE(crm, 2) ONE(crm, 3) ONE(crm, 4) ONE(crm, 5) ONE(crm, 6) ONE(crm, 7)

void guest_main(uint64_t dtb)
{
    (void)dtb;
    print("midr 0x%lx\n", read_sysreg(midr_el1));
    print("mpidr 0x%lx\n", read_sysreg(mpidr_el1));
    print("revidr 0x%lx\n", read_sysreg(revidr_el1));
    print("ctr 0x%lx\n", read_sysreg(ctr_el0));
    print("dczid 0x%lx\n", read_sysreg(dczid_el0));
    print("clidr 0x%lx\n", read_sysreg(clidr_el1));
    print("ccsidr 0x%lx\n", read_sysreg(ccsidr_el1));
    print("aidr 0x%lx\n", read_sysreg(aidr_el1));
    ALL(1)
    ALL(2)
    ALL(3)
    ALL(4)
    ALL(5)
    ALL(6)
    ALL(7)
    print("id end\n");
}
