"""What tests/mutants/walks breaks in the hypervisor itself, one thing at a time.

A mutant: name, file, the text that is replaced (it occurs once there), what replaces it, and the
cases of tests/qemu/guests/direct/walks.c that are run against it.

Orders are not among them: an effect that comes too late shows only if another CPU walks in between, and
tables are flushed as they are unlinked, so that the flush before they are freed has nothing left to
remove here. The model of tests/mmu shows both.
"""

from collections import namedtuple

Mutant = namedtuple("Mutant", "name file old new cases")

ONE = "detached reconnected unlinked many_reconnected replaced"
TWO = "detached_elsewhere reconnected_elsewhere"

SEQUENCE = "ptwr/sequence.c"
PORT = "arch/aarch64/ptwr_port.c"
TLB = "arch/aarch64/include/arch/tlb.h"

MUTANTS = [
    # Removed
    Mutant("detach-without-ipas2", SEQUENCE, """\
    ptwr_port_dsb_ishst(p->port);
    ptwr_port_tlbi_ipas2e1is(p->port, PTWR_WALK, table);
    ptwr_port_dsb_ish(p->port);
""", """\
    ptwr_port_dsb_ishst(p->port);
    ptwr_port_dsb_ish(p->port);
""", "detached"),
    Mutant("detach-without-vaae1", SEQUENCE, """\
    ptwr_port_tlbi_vaae1is(p->port, *va);
""", "", "detached"),
    Mutant("flush-without-ipas2", SEQUENCE, """\
            ptwr_port_tlbi_ipas2e1is(p->port, window, frames[i]);
""", """\
            (void)frames, (void)window;
""", "reconnected"),
    Mutant("flush-without-vmalle1", SEQUENCE, """\
        ptwr_port_tlbi_vmalle1is(p->port);
""", "", "reconnected unlinked replaced"),
    Mutant("flush-without-vmalls12e1", SEQUENCE, """\
        ptwr_port_tlbi_vmalls12e1is(p->port);
""", "", "many_reconnected"),
    Mutant("relax-without-ipas2", SEQUENCE, """\
    ptwr_port_tlbi_ipas2e1is(p->port, PTWR_DATA, frame);
    ptwr_port_dsb_ish(p->port);
""", "    (void)frame;\n", "detached"),
    Mutant("relax-without-vaae1", SEQUENCE, """\
    ptwr_port_tlbi_vaae1is(p->port, va);
""", "    (void)va;\n", "detached"),
    Mutant("replace-without-flush", SEQUENCE, """\
        flush(p, PTWR_WALK, &table, 1);
    } else {
""", """\
    } else {
""", "replaced"),
    Mutant("protect-without-flush", SEQUENCE, """\
    flush(p, PTWR_DATA, frames, count);
""", "", "reconnected"),
    # Narrowed
    Mutant("vmalle1-of-this-cpu-only", TLB, '"tlbi vmalle1is"', '"tlbi vmalle1"',
           "reconnected_elsewhere"),
    Mutant("vaae1-of-this-cpu-only", TLB, '"tlbi vaae1is, %0"', '"tlbi vaae1, %0"',
           "detached_elsewhere"),
    Mutant("ipas2-of-this-cpu-only", TLB, '"tlbi ipas2e1is, %0"', '"tlbi ipas2e1, %0"', TWO),
    Mutant("vaae1-of-leaves-only", TLB, '"tlbi vaae1is, %0"', '"tlbi vaale1is, %0"', "detached"),
    Mutant("vmalle1-as-vaae1-of-nothing", TLB, '"tlbi vmalle1is" ::: "memory"',
           '"tlbi vaae1is, xzr" ::: "memory"', "reconnected replaced"),
    # Mis-addressed
    Mutant("operand-in-bytes", TLB, "return (address >> PAGE_SHIFT) & GENMASK64(43, 0);",
           "return address & GENMASK64(43, 0);", "detached"),
    Mutant("ipas2-of-the-data-window", PORT, "tlbi_ipas2e1is(window_ipa(port, window, frame));",
           "(void)window;\n    tlbi_ipas2e1is(window_ipa(port, PTWR_DATA, frame));", "detached"),
    Mutant("ipas2-of-the-walk-window", PORT, "tlbi_ipas2e1is(window_ipa(port, window, frame));",
           "(void)window;\n    tlbi_ipas2e1is(window_ipa(port, PTWR_WALK, frame));", "reconnected"),
]

# What make check-walks has time for.
FEW = ["detach-without-ipas2", "flush-without-vmalle1", "vmalle1-of-this-cpu-only"]
