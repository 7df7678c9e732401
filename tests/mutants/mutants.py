"""The mutants: what is changed, and for the few that no test can kill, why that is so.

`m(name, old, new)` replaces the only occurrence of `old` in the file named by the last `source()`.
`why` explains a survivor: the rule that asks for the instruction, and why no test here shows it.
"""

import collections

import engine_mutants
import guarded_mutants
import seal_mutants

Mutant = collections.namedtuple("Mutant", "name file old new why")
MUTANTS = []
_file = ""


def source(file):
    global _file
    _file = file


def m(name, old, new, why=""):
    MUTANTS.append(Mutant(name, _file, old, new, why))


# --- The orders ----------------------------------------------------------------------------------
source("ptwr/sequence.c")
FLUSH = "    uint32_t stale = p->nr_stale - p->nr_flushed;\n\n"
m("flush: no DSB before the TLBI", FLUSH + "    ptwr_port_dsb_ishst(p->port);\n", FLUSH)
m("flush: the threshold never reached", "if (count + p->stale_roots > BY_IPA_MAX || (p->stale_roots != 0 && stale > STALE_MAX))", "if (0)")
m("flush: always by VMALLS12E1", "if (count + p->stale_roots > BY_IPA_MAX || (p->stale_roots != 0 && stale > STALE_MAX))", "if (1)")
m("flush: above the threshold stage 1 only", "        ptwr_port_tlbi_vmalls12e1is(p->port);\n",
  "        ptwr_port_tlbi_vmalle1is(p->port);\n")
m("flush: above the threshold nothing", "        ptwr_port_tlbi_vmalls12e1is(p->port);\n", "")
m("flush: the threshold forgets stale tables", "count + p->stale_roots > BY_IPA_MAX", "count > BY_IPA_MAX")
m("flush: stage-2 entries of the frames stay",
  "            ptwr_port_tlbi_ipas2e1is(p->port, window, frames[i]);\n", "            ;\n")
m("flush: one frame only", "i < count; i++)\n            ptwr_port_tlbi_ipas2e1is(p->port, window",
  "i < count && i < 1; i++)\n            ptwr_port_tlbi_ipas2e1is(p->port, window")
m("flush: the other window", "ptwr_port_tlbi_ipas2e1is(p->port, window, frames[i])",
  "ptwr_port_tlbi_ipas2e1is(p->port, PTWR_WALK - window, frames[i])")
m("flush: another frame", "ptwr_port_tlbi_ipas2e1is(p->port, window, frames[i])",
  "ptwr_port_tlbi_ipas2e1is(p->port, window, mfn_of(frames[i].raw ^ 1))")
m("flush: the last stale table is left out", "for (uint32_t i = 0; i < count; i++)",
  "for (uint32_t i = 1; i < count; i++)")
m("flush: starts at the oldest stale table", "mfn_t table = p->unflushed;",
  "mfn_t table = p->stale_head;")
m("flush: no DSB between the stages", "        if (count + p->stale_roots != 0)\n"
  "            ptwr_port_dsb_ish(p->port);\n", "")
m("flush: DSB between the stages for frames only", "if (count + p->stale_roots != 0)", "if (count != 0)")
m("flush: DSB between the stages for stale tables only", "if (count + p->stale_roots != 0)",
  "if (p->stale_roots != 0)")
m("flush: DSB between the stages waits for stores only",
  "        if (count + p->stale_roots != 0)\n            ptwr_port_dsb_ish(p->port);",
  "        if (count + p->stale_roots != 0)\n            ptwr_port_dsb_ishst(p->port);")
m("flush: stage 1 stays", "        ptwr_port_tlbi_vmalle1is(p->port);\n", "")
m("flush: stage 1 by VA", "        ptwr_port_tlbi_vmalle1is(p->port);\n",
  "        ptwr_port_tlbi_vaae1is(p->port, va_of(0));\n")
m("flush: stage 1 by another VA", "        ptwr_port_tlbi_vmalle1is(p->port);\n",
  "        ptwr_port_tlbi_vaae1is(p->port, va_of(0x3000));\n")
LAST = "    ptwr_port_dsb_ish(p->port);\n    ptwr_port_tlbi_repeat(p->port);\n    ptwr_port_isb(p->port);\n"
m("flush: no DSB at the end", LAST + "    p->count.tlbi_all++;",
  LAST.replace("    ptwr_port_dsb_ish(p->port);\n", "", 1) + "    p->count.tlbi_all++;")
m("flush: DSB at the end waits for stores only", LAST + "    p->count.tlbi_all++;",
  LAST.replace("dsb_ish(", "dsb_ishst(", 1) + "    p->count.tlbi_all++;")
m("flush: not repeated", "    ptwr_port_tlbi_repeat(p->port);\n    ptwr_port_isb(p->port);\n"
  "    p->count.tlbi_all++;", "    ptwr_port_isb(p->port);\n    p->count.tlbi_all++;")
m("flush: no ISB", "    ptwr_port_isb(p->port);\n    p->count.tlbi_all++;",
  "    p->count.tlbi_all++;")
m("flush: stale tables stay unflushed", "    p->nr_flushed = p->nr_stale;\n", "")
m("flush: one stale table too few is flushed", "    p->nr_flushed = p->nr_stale;\n",
  "    p->nr_flushed = p->nr_stale != 0 ? p->nr_stale - 1 : 0;\n")
m("flush: the first unflushed table is not moved", "    p->unflushed = MFN_NONE;\n", "")
m("flush: no epoch", "    p->epoch++;\n", "")

m("protect: the data window stays writable",
  "        ptwr_port_s2_store(p->port, PTWR_DATA, frames[i], PTWR_RO);\n", "        ;\n")
m("protect: unmapped instead of read-only",
  "ptwr_port_s2_store(p->port, PTWR_DATA, frames[i], PTWR_RO);",
  "ptwr_port_s2_store(p->port, PTWR_DATA, frames[i], PTWR_UNMAPPED);")
m("protect: the first frame only", "i < count; i++)\n        ptwr_port_s2_store(p->port, PTWR_DATA",
  "i < 1; i++)\n        ptwr_port_s2_store(p->port, PTWR_DATA")
m("protect: no flush", "    flush(p, PTWR_DATA, frames, count);\n", "")
m("protect: flush of the walk window", "    flush(p, PTWR_DATA, frames, count);\n",
  "    flush(p, PTWR_WALK, frames, count);\n")
m("protect: flush of stage 1 only", "    flush(p, PTWR_DATA, frames, count);\n",
  "    flush(p, PTWR_DATA, frames, 0);\n")
m("protect: no clean", "        ptwr_port_dc_civac_page(p->port, frames[i]);\n", "        ;\n")
m("protect: clean of the first frame only", "i < count; i++)\n        ptwr_port_dc_civac_page",
  "i < 1; i++)\n        ptwr_port_dc_civac_page")
m("protect: clean before the flush",
  "    flush(p, PTWR_DATA, frames, count);\n",
  "    for (unsigned int i = 0; i < count; i++)\n        ptwr_port_dc_civac_page(p->port, frames[i]);\n"
  "    flush(p, PTWR_DATA, frames, count);\n    if (1)\n        return;\n")

m("repaired: no DSB", "sequence_repaired(struct ptwr *p) { ptwr_port_dsb_ishst(p->port); }",
  "sequence_repaired(struct ptwr *p) { (void)p; }")
m("attach: the walk page stays unmapped",
  "    ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_RO);\n", "")
m("attach: writable in the walk window", "ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_RO);",
  "ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_RW);")
ATTACH_DSB = "lets the walk that waits for it succeed. */\n    ptwr_port_dsb_ish(p->port);\n"
m("attach: no DSB", ATTACH_DSB, ATTACH_DSB.split("    ptwr")[0])

DETACH = "    ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);\n    if (va == NULL)"
m("detach: the walk page stays", DETACH, "    if (va == NULL)")
m("detach: the data window instead", DETACH, DETACH.replace("PTWR_WALK", "PTWR_DATA"))
m("detach: always by VA", "    if (va == NULL) {\n        flush",
  "    static const va_t zero;\n    if (va == NULL)\n        va = &zero;\n    if (0) {\n        flush")
m("detach: never by VA", "    if (va == NULL) {\n        flush(p, PTWR_WALK, &table, 1);",
  "    if (1) {\n        flush(p, PTWR_WALK, &table, 1);")
m("detach: full flush of the data window",
  "    if (va == NULL) {\n        flush(p, PTWR_WALK, &table, 1);",
  "    if (va == NULL) {\n        flush(p, PTWR_DATA, &table, 1);")
m("detach: full flush of stage 1 only",
  "    if (va == NULL) {\n        flush(p, PTWR_WALK, &table, 1);",
  "    if (va == NULL) {\n        flush(p, PTWR_WALK, &table, 0);")
BY_VA = ("    ptwr_port_dsb_ishst(p->port);\n    ptwr_port_tlbi_ipas2e1is(p->port, PTWR_WALK, table);\n"
         "    ptwr_port_dsb_ish(p->port);\n")
m("detach by VA: no DSB before the TLBI", BY_VA, BY_VA.split("\n", 1)[1])
m("detach by VA: stage 2 stays", BY_VA, "    ptwr_port_dsb_ish(p->port);\n")
m("detach by VA: stage 2 of the data window", BY_VA, BY_VA.replace("PTWR_WALK", "PTWR_DATA"))
m("detach by VA: no DSB between the stages", BY_VA, BY_VA.rsplit("    ptwr", 1)[0])
m("detach by VA: DSB between the stages for stores", BY_VA,
  BY_VA.replace("dsb_ish(", "dsb_ishst("))
m("detach by VA: stage 1 first", BY_VA,
  "    ptwr_port_dsb_ishst(p->port);\n    ptwr_port_tlbi_vaae1is(p->port, *va);\n"
  "    ptwr_port_dsb_ish(p->port);\n    ptwr_port_tlbi_ipas2e1is(p->port, PTWR_WALK, table);\n"
  "#define ptwr_port_tlbi_vaae1is(x, y)\n")
m("detach by VA: stage 1 stays", "    ptwr_port_tlbi_vaae1is(p->port, *va);\n", "")
m("detach by VA: another page's leaf only", "    ptwr_port_tlbi_vaae1is(p->port, *va);\n",
  "    ptwr_port_tlbi_vaae1is(p->port, va_of(va->raw + 2 * desc_span(3)));\n")
m("detach by VA: the other base", "    ptwr_port_tlbi_vaae1is(p->port, *va);\n",
  "    ptwr_port_tlbi_vaae1is(p->port, va_of(~va->raw));\n")
END = "    ptwr_port_tlbi_vaae1is(p->port, *va);\n" + LAST
m("detach by VA: no DSB at the end", END, END.replace("    ptwr_port_dsb_ish(p->port);\n", ""))
m("detach by VA: DSB at the end for stores", END, END.replace("dsb_ish(", "dsb_ishst("))
m("detach by VA: not repeated", END, END.replace("    ptwr_port_tlbi_repeat(p->port);\n", ""))
m("detach by VA: no ISB", END, END.replace("    ptwr_port_isb(p->port);\n", ""))

RELAX = "    ptwr_port_tlbi_ipas2e1is(p->port, PTWR_DATA, frame);\n    ptwr_port_dsb_ish(p->port);\n"
m("relax: stage 2 stays", RELAX, "    ptwr_port_dsb_ish(p->port);\n")
m("relax: stage 2 of the walk window", RELAX, RELAX.replace("PTWR_DATA", "PTWR_WALK"))
m("relax: no DSB between the stages", RELAX, RELAX.split("\n")[0] + "\n")
m("relax: stage 1 stays", "    ptwr_port_tlbi_vaae1is(p->port, va);\n", "")
m("relax: another VA", "    ptwr_port_tlbi_vaae1is(p->port, va);\n",
  "    ptwr_port_tlbi_vaae1is(p->port, va_of(va.raw ^ PAGE_SIZE));\n")
RELAX_END = "    ptwr_port_tlbi_vaae1is(p->port, va);\n    ptwr_port_dsb_ish(p->port);\n    ptwr_port_isb(p->port);\n"
m("relax: no DSB at the end", RELAX_END, RELAX_END.replace("    ptwr_port_dsb_ish(p->port);\n", ""))
m("relax: no ISB", RELAX_END, RELAX_END.replace("    ptwr_port_isb(p->port);\n", ""))
RELEASE = ("    ptwr_port_s2_store(p->port, PTWR_DATA, frame, PTWR_RW);\n"
           "    ptwr_port_dsb_ishst(p->port);\n")
m("release: the data window stays read-only", RELEASE, "    ptwr_port_dsb_ishst(p->port);\n")
m("release: no DSB", RELEASE, RELEASE.split("\n")[0] + "\n")
m("release: the old permission stays cached", "    sequence_relax(p, frame, va);\n}",
  "    (void)va;\n}")

REPLACE = ("    ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);\n"
           "    flush(p, PTWR_WALK, &table, 1);\n    ptwr_port_store(p->port, table, index, value);\n")
source("ptwr/root.c")
m("replace: no DSB before the table is shown", "    sequence_repaired(p);\n    sequence_attach",
  "    sequence_attach")
source("ptwr/sequence.c")

m("unmap: the frame stays mapped",
  "    ptwr_port_s2_store(p->port, PTWR_DATA, frame, PTWR_UNMAPPED);\n", "")
m("unmap: read-only", "ptwr_port_s2_store(p->port, PTWR_DATA, frame, PTWR_UNMAPPED);",
  "ptwr_port_s2_store(p->port, PTWR_DATA, frame, PTWR_RO);")
m("unmap: no flush", "    flush(p, PTWR_DATA, &frame, 1);\n", "")
m("unmap: flush of the walk window", "    flush(p, PTWR_DATA, &frame, 1);\n",
  "    flush(p, PTWR_WALK, &frame, 1);\n")
RETIRE = "sequence_retire(struct ptwr *p, mfn_t table)\n{\n    ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);\n"
m("retire: the walk page stays", RETIRE, RETIRE.rsplit("    ptwr", 1)[0] + "    (void)p;\n    (void)table;\n")
FREE = "sequence_free(struct ptwr *p, mfn_t frame)\n{\n    ptwr_port_s2_store(p->port, PTWR_DATA, frame, PTWR_RW);\n"
m("free: stays read-only", FREE, FREE.rsplit("    ptwr", 1)[0] + "    (void)p;\n    (void)frame;\n")
m("freed: no DSB", "sequence_freed(struct ptwr *p) { ptwr_port_dsb_ishst(p->port); }",
  "sequence_freed(struct ptwr *p) { (void)p; }")

# --- Stale tables --------------------------------------------------------------------------------
source("ptwr/stale.c")
m("stale: stays in the walk window", "    sequence_retire(p, mfn);\n", "")
m("stale: not in the list of unflushed", "    if (mfn_is_none(p->unflushed))\n        p->unflushed = mfn;\n", "")
m("stale: always the first unflushed", "    if (mfn_is_none(p->unflushed))\n        p->unflushed = mfn;\n",
  "    p->unflushed = mfn;\n")
m("stale: counted as flushed", "    p->nr_stale++;\n", "    p->nr_stale++;\n    p->nr_flushed++;\n")
m("stale: not torn down", "    if (mfn_is_none(p->teardown))\n        p->teardown = mfn;\n", "")
m("stale: the last torn down first", "    if (mfn_is_none(p->teardown))\n        p->teardown = mfn;\n",
  "    p->teardown = mfn;\n")
m("stale: stays hooked", "    f->hooked = 0;\n", "")
m("stale: its writers stay counted", "    if (f->el1_writers != 0)\n        p->tables_with_writers--;\n", "")
m("stale: nothing is taken down", "    frame_set_cursor(f, taken);\n", "    (void)taken;\n")
m("stale: appended in front", "frame_get(p->frames, p->stale_tail)->parent = mfn.raw;", ";")
m("stale: freed without a flush", "while (p->nr_flushed != 0 && ", "while (p->nr_stale != 0 && ")
m("stale: no flush for one that waits", "        if (p->nr_flushed == 0)\n            sequence_flush(p);\n", "")
m("stale: flush each time", "        if (p->nr_flushed == 0)\n            sequence_flush(p);\n",
  "        sequence_flush(p);\n")
m("stale: flush only if some are flushed", "if (p->nr_flushed == 0)\n", "if (p->nr_flushed != 0)\n")
m("stale: the count of flushed ones stays", "    p->nr_flushed--;\n", "")
m("stale: freed as a table", "    f->type = FRAME_NONE;\n", "")
m("stale: never writable again", "    sequence_free(p, mfn);\n", "")
m("stale: freed ones not told", "    if (freed)\n        sequence_freed(p);\n", "")


# --- Types ---------------------------------------------------------------------------------------
source("ptwr/type.c")
source("ptwr/leaf.c")
m("leaf: every leaf taken for read-only", "    if (!desc_is_writable(d))\n        return HV_OK;\n",
  "    if (1)\n        return HV_OK;\n")
source("ptwr/type.c")
source("ptwr/leaf.c")
m("leaf: EL0 writer in the place of a cursor", "        if (f->state == FRAME_STALE) /* its cursor stands where the count would */\n            return NOT_READY;\n", "")
source("ptwr/type.c")
source("ptwr/leaf.c")
m("leaf: EL0 writers counted as EL1's", "desc_is_el0(d) ? FRAME_REF_EL0_WRITER : FRAME_REF_EL1_WRITER",
  "FRAME_REF_EL1_WRITER")
source("ptwr/leaf.c")
m("leaf: writers not counted", "    if (!desc_is_writable(d))\n        return FRAME_REF;\n", "    if (1)\n        return FRAME_REF;\n")
source("ptwr/leaf.c")
m("leaf: tables with writers not counted up", "        p->tables_with_writers++;\n    f->counts += delta;",
  "        ;\n    f->counts += delta;")
source("ptwr/leaf.c")
m("leaf: tables with writers not counted down", "f->el1_writers == 0 && frame_is_live_table(f))\n        p->tables_with_writers--;",
  "f->el1_writers == 0 && frame_is_live_table(f))\n        ;")
source("ptwr/type.c")
TAKE_TABLE = "    *child = mfn;\n    if (f == NULL)\n        return refuse(p, PTWR_RULE_OWNER);\n"
m("link: to a stale table", "if (f->state == FRAME_STALE || f->type == FRAME_NONE)", "if (f->type == FRAME_NONE)")
LINK_TYPE = "    if (f->type != frame_type_of_level(at.level + 1U))\n        return refuse(p,\n                      f->type == frame_type_of_level(at.level) ? PTWR_RULE_LEVEL : PTWR_RULE_TYPE);\n"
m("link: to a table that is not validated", "    if (f->state != FRAME_ATTACHED)\n        return NOT_READY;\n", "")
m("link: no back-pointer", "    frame_set(f, FRAME_BACKPTR);\n    frame_set_parent(f, at.table, at.index);", "    frame_set_parent(f, at.table, at.index);")
m("link: another index", "    frame_set(f, FRAME_BACKPTR);\n    frame_set_parent(f, at.table, at.index);",
  "    frame_set(f, FRAME_BACKPTR);\n    frame_set_parent(f, at.table, at.index ^ 1U);")
m("put: not counted", "    f->type_count--;\n    if (f->type_count == 0) {", "    if (f->type_count == 1) {")
m("put: plain at once", "        stale_add(p, mfn, PTWR_ENTRIES);\n        p->count.demoted++;",
  "        to_plain_now(p, mfn);\n        p->count.demoted++;".replace("to_plain_now(p, mfn)",
  "f->type = FRAME_NONE, f->state = FRAME_PLAIN, sequence_retire(p, mfn), sequence_free(p, mfn)"))
m("put: one reference too early", "    if (f->type_count == 0) {\n        stale_add", "    if (f->type_count <= 1) {\n        stale_add")
m("put: its last entry holds nothing", "stale_add(p, mfn, PTWR_ENTRIES);", "stale_add(p, mfn, PTWR_ENTRIES - 1);")
m("drop: nothing", "    type_put(p, mfn);\n}\n\nvoid type_drop", "    (void)mfn;\n}\n\nvoid type_drop")
source("ptwr/root.c")
m("take: a block is not noted", "        p->blocks = true;\n", "        ;\n")
source("ptwr/type.c")
m("take: an invalid entry takes", "    p->count.validated++;\n    if (!desc_is_valid(d))\n        return HV_OK;\n    rule", "    p->count.validated++;\n    rule")
m("cancel: what it took is forgotten", "    if (f->el0_writers == 0)\n        to_plain(p, mfn);\n    else\n        stale_add(p, mfn, f->el0_writers);",
  "    (void)f;\n    to_plain(p, mfn);")
m("cancel: children that were begun stay", "            if (i == 0)\n                next = type_child(p, block[i]);\n            else\n                cancel_one(p, type_child(p, block[i]));",
  "            next = MFN_NONE;")
BEGIN = "    if (f == NULL)\n        return refuse(p, PTWR_RULE_OWNER);\n    if (f->readonly || frame_has(f, FRAME_FOREIGN))\n        return refuse(p, PTWR_RULE_FOREIGN);\n    if (f->state == FRAME_STALE) {"
m("begin: a stale frame", "    if (f->state == FRAME_STALE) {\n        err = stale_finish(p, mfn, budget);\n        if (err != HV_OK)\n            return err;\n    }\n    if (f->type", "    (void)err;\n    if (f->type")
m("begin: its writers are not counted", "    if (f->el1_writers != 0)\n        p->tables_with_writers++;\n", "")
m("begin: children are not protected", "    sequence_protect(p, list, n);\n", "")
m("begin: the last child is not protected", "    sequence_protect(p, list, n);\n", "    sequence_protect(p, list, n > 1 ? n - 1 : n);\n")
m("begin: the top is not protected", "    sequence_protect(p, &mfn, 1);\n", "")
m("scan: the first entry is skipped", "unsigned int first = ptwr_port_next_nonzero(p->port, mfn, f->el0_writers);",
  "unsigned int first = ptwr_port_next_nonzero(p->port, mfn, f->el0_writers ? f->el0_writers : 1);")
m("scan: the cursor stays", "        frame_set_cursor(f, at.index + 1U);\n        type_spend(scan", "        type_spend(scan")
m("attach: the cursor stays", "    frame_set_cursor(f, 0);\n    f->state = FRAME_ATTACHED;", "    f->state = FRAME_ATTACHED;")
m("attach: not shown to walkers", "    sequence_attach(p, mfn);\n    p->count.promoted++;", "    p->count.promoted++;")
m("promote: a refused tree is not cancelled", "            type_cancel(p, top);\n", "            ;\n")


source("ptwr/type.h")
m("fast take: another kind of leaf", "uint64_t place = frame_run_place(run, d.raw);", "uint64_t place = frame_run_place(run, d.raw) & (DESC_OA >> PAGE_SHIFT | BIT64(64 - PAGE_SHIFT));")
m("fast take: another region", "uint64_t place = frame_run_place(run, d.raw);", "uint64_t place = frame_run_place(run, d.raw) & ~(DESC_OA >> PAGE_SHIFT & ~(run->count - 1));")
m("fast take: an invalid entry", "uint64_t place = frame_run_place(run, d.raw);", "uint64_t place = frame_run_place(run, d.raw) & ~BIT64(64 - PAGE_SHIFT);")
m("fast take: any frame", "    return frame_is_ordinary(f, owner) ? f : NULL;", "    (void)owner;\n    return f;")
m("fast take: too many", "if (f == NULL || (f->counts & run->full) != 0)", "if (f == NULL)")
m("fast drop: nothing", "    f->counts -= run->delta;\n", "")
m("fast: exchanged for nothing, and nothing dropped", "return type_drop_fast(dropped, owner, old);", "return true;")
m("fast: what was taken is not undone", "    (void)type_drop_fast(taken, owner, value);\n    return false;", "    return false;")
m("fast: exchanged, and nothing dropped", "if (type_drop_fast(dropped, owner, old))", "if (1)")
m("fast: the same is a change", "if (desc_eq(old, value) || !type_take_fast", "if (!type_take_fast")


# --- Bits ----------------------------------------------------------------------------------------
source("ptwr/validate.c")
for bit in ["DESC_RES0_HIGH", "DESC_GP", "DESC_CONTIGUOUS", "DESC_PXNTABLE", "DESC_UXNTABLE", "DESC_APTABLE"]:
    first = {"DESC_RES0_HIGH": "(DESC_RES0_HIGH | DESC_GP | DESC_CONTIGUOUS", "DESC_GP": "DESC_GP | DESC_CONTIGUOUS"}
    old = first.get(bit, bit + " |")
    m(f"bits: leaf with {bit}", old, old.replace(bit + " |", "0 |" if old != bit + " |" else "0 |", 1))
m("bits: leaf with bit 63", "     DESC_NSTABLE)\n", "     0)\n")
m("bits: table with reserved bits", "    if ((d.raw & TABLE_REFUSED) != 0)\n        return PTWR_RULE_RESERVED;\n", "")
m("bits: table without WALK", "return (desc_oa(d) & p->walk) != 0 ? PTWR_RULE_NONE : PTWR_RULE_WINDOW;", "return PTWR_RULE_NONE;")
m("bits: table beyond both windows", "        return PTWR_RULE_RESERVED;\n    if (is_beyond(p, d))\n        return PTWR_RULE_OWNER;\n    return (desc_oa(d) & p->walk) != 0",
  "        return PTWR_RULE_RESERVED;\n    return (desc_oa(d) & p->walk) != 0")
m("bits: block at level 1", "    if (level < 2)\n        return PTWR_RULE_LEVEL;\n", "")
m("bits: reserved encoding at level 3", "    if (!desc_is_leaf(d, level))\n        return PTWR_RULE_RESERVED;\n", "")
m("bits: block off its boundary", " ||\n        (desc_oa(d) & (desc_span(level) - 1)) != 0)", ")")
m("bits: device one byte too long", "size <= range->size && oa - range->base <= range->size - size", "oa - range->base <= range->size")
m("leaf: device as memory", "return validate_is_normal(p, d) ? PTWR_RULE_MEMTYPE : PTWR_RULE_NONE;", "return PTWR_RULE_NONE;")
m("shared: a writable leaf of what is to be read", "return desc_is_writable(d) && !shared->writable ? PTWR_RULE_FOREIGN : PTWR_RULE_NONE;",
  "return PTWR_RULE_NONE;")
m("shared: memory as a device", "    if (!validate_is_normal(p, d))\n        return PTWR_RULE_MEMTYPE;\n", "")
m("shared: memory becomes a frame", "is_device(p, oa, size) || find_shared(p, oa, size) != NULL", "is_device(p, oa, size)")
m("break: never", "    return ((old.raw ^ value.raw) & ~FREE_TO_CHANGE) != 0;", "    return false;")
m("break: always", "    return ((old.raw ^ value.raw) & ~FREE_TO_CHANGE) != 0;", "    return true;")
m("break: from or to an invalid entry", "    if (!desc_is_valid(old) || !desc_is_valid(value))\n        return false;\n", "")
m("break: address changes freely", "(DESC_AP_EL0 | DESC_AP_RO", "(DESC_OA | DESC_AP_EL0 | DESC_AP_RO")
m("break: memory type changes freely", "(DESC_AP_EL0 | DESC_AP_RO", "(DESC_ATTRINDX | DESC_AP_EL0 | DESC_AP_RO")
m("break: size changes freely", "(DESC_AP_EL0 | DESC_AP_RO", "(DESC_TABLE | DESC_AP_EL0 | DESC_AP_RO")
m("break: shareability changes freely", "(DESC_AP_EL0 | DESC_AP_RO", "(DESC_SH | DESC_AP_EL0 | DESC_AP_RO")
m("break: nG changes freely", "(DESC_AP_EL0 | DESC_AP_RO", "(DESC_NG | DESC_AP_EL0 | DESC_AP_RO")

# --- Opening and reconnecting --------------------------------------------------------------------
source("ptwr/slot.c")
m("one VA: without back-pointer", "        if (!frame_has(f, FRAME_BACKPTR))\n            return false;\n", "        (void)f;\n")
m("one VA: TTBR1's range is the lower", "        address |= ~UINT64_C(0) << (PAGE_SHIFT + 4 * PTWR_INDEX_BITS);\n", "")
m("one VA: a root of both bases", "    default:\n        return false;\n    }\n    *va", "    default:\n        break;\n    }\n    *va")
m("open: no reference of its own", "    f->type_count++;\n    sequence_detach", "    sequence_detach")
SNAP = "    ptwr_port_snapshot_take(p->port, (unsigned int)(slot - p->slots), store->table);\n"
m("open: no snapshot", SNAP, "")
m("open: snapshot after it is writable", SNAP + "    sequence_release(p, store->table, store->va);\n", "    sequence_release(p, store->table, store->va);\n" + SNAP)
m("open: stays attached in name", "    f->state = FRAME_OPEN;\n", "")
m("open: not counted", "    p->nr_open++;\n", "")
m("open: the slot's age stays", "        .sequence = p->sequence++,\n", "        .sequence = p->sequence,\n")
m("protect: by the wrong vCPU", "            (vcpu != ANY_VCPU && slot->vcpu != vcpu))", "            (vcpu != ANY_VCPU && slot->vcpu == vcpu))")
m("protect: all vCPUs' slots", "            (vcpu != ANY_VCPU && slot->vcpu != vcpu))", "            vcpu == 200)")
m("protect: twice", "mfn_is_none(slot->table) || slot->protected_ ||", "mfn_is_none(slot->table) ||")
m("protect: nothing", "    if (n != 0)\n        sequence_protect(p, frames, n);\n", "    (void)frames;\n")
m("protect: the last one is left writable", "    if (n != 0)\n        sequence_protect(p, frames, n);\n", "    if (n != 0)\n        sequence_protect(p, frames, n > 1 ? n - 1 : n);\n")
m("protect: stays open in name", "        frame_get(p->frames, slot->table)->state = FRAME_PROTECTING;\n", "")
m("restore: nothing", "        ptwr_port_store(p->port, slot->table, i, old);\n", "        (void)old;\n")
m("restore: from the next entry on", "for (unsigned int i = slot->cursor; i < PTWR_ENTRIES; i++) {\n        desc_t old;", "for (unsigned int i = slot->cursor + 1U; i < PTWR_ENTRIES; i++) {\n        desc_t old;")
m("restore: no DSB", "    sequence_repaired(p);\n    slot->cursor", "    slot->cursor")
m("refuse: the value stays", "    ptwr_port_store(p->port, at.table, at.index, desc_of(value.raw & ~DESC_VALID));\n", "")
m("refuse: the old value returns", "desc_of(value.raw & ~DESC_VALID)", "old")
m("refuse: 0 instead of the value", "desc_of(value.raw & ~DESC_VALID)", "desc_of(0)")
m("refuse: no DSB", "    sequence_repaired(p);\n    return HV_OK;", "    return HV_OK;")
m("refuse: crash is ignored", "    if (p->action == PTWR_ACTION_CRASH) {\n        if (p->fatal", "    if (0) {\n        if (p->fatal")
m("refuse: crash is forgotten", "            p->fatal = p->violation;\n", "            ;\n")
m("restore: what was given back returns", "        if (i < slot->dropped && !desc_is_valid(ptwr_port_load(p->port, slot->table, i)))\n            continue; /* what it was is given back already */\n", "")
m("batch: what is invalid now is dropped twice", "if (!desc_eq(old, value) && (slot->cursor >= slot->dropped || desc_is_valid(value)))", "if (!desc_eq(old, value))")
m("batch: by runs over what is dropped already", "if (slot->level == 3 && slot->cursor >= slot->dropped &&", "if (slot->level == 3 &&")
m("batch: what stands in the way is not dropped first", "(err == HV_EBUSY || err == HV_EINVAL) && slot->dropped != PTWR_ENTRIES", "0")
m("batch: nothing is dropped", "    type_drop(p, at, change[0]);\n    if (at.level == 3)", "    if (at.level == 3)")
m("batch: a conflict is never tried again", "        if (!slot->last)\n            return HV_EBUSY;\n        err = batch", "        err = batch")
m("batch: a conflict is tried for ever", "        if (!slot->last)\n            return HV_EBUSY;\n        err = batch", "        if (1)\n            return HV_EBUSY;\n        err = batch")
m("batch: the first change is skipped", "unsigned int first = ptwr_port_next_change(p->port, number, slot->table, slot->cursor);", "unsigned int first = ptwr_port_next_change(p->port, number, slot->table, slot->cursor + 1U);")
for n in (1, 2, 3):
    m(f"batch: one too many after {n} of four", f"return (unsigned int)(at.now - first) + {n};", f"return (unsigned int)(at.now - first) + {n} + 1;")
m("batch: one too many of four", "            return (unsigned int)(at.now - first);\n", "            return (unsigned int)(at.now - first) + 1;\n")
m("batch: one too many of those that are left", "        at.then++;\n    }\n    return (unsigned int)(at.now - first);", "        at.then++;\n    }\n    return (unsigned int)(at.now - first) + 1;")
m("batch: a change between pages is passed over", "            return true;\n        scan->index++;", "            ;\n        scan->index++;")
m("batch: unchanged entries count as changed", "        scan->unchanged++;\n", "")
m("batch: the budget lasts for ever", "    while (!other && *budget != 0 && scan.in_a_row", "    while (!other && scan.in_a_row")
m("finish: not shown to walkers", "    sequence_attach(p, table);\n", "")
m("finish: stays protecting", "    frame_get(p->frames, table)->state = FRAME_ATTACHED;\n", "")
m("finish: shown before it is judged", "    err = batch(p, slot, budget);\n", "    sequence_attach(p, slot->table);\n    err = batch(p, slot, budget);\n")
m("finish: keeps its reference", "    type_put(p, table);\n}", "}")
m("give up: still open in number", "    p->nr_open--;\n    p->closed++;\n    p->count.reconnected[slot->why]++;\n    p->count.demoted", "    p->closed++;\n    p->count.reconnected[slot->why]++;\n    p->count.demoted")
m("give up: what was judged is kept", "    stale_add(p, table, slot->judged);", "    stale_add(p, table, 0);")
m("give up: what was not judged is dropped", "    stale_add(p, table, slot->judged);", "    stale_add(p, table, PTWR_ENTRIES);")
m("finish: an interrupted batch is done", "    if (err == HV_OK || err == HV_EPERM)\n        finish", "    if (err != HV_EBUSY)\n        finish")
m("close: not protected", "    protect(p, slot, 1, ANY_VCPU, why);\n", "    (void)why;\n")
m("close: all, not protected", "    protect(p, p->slots, p->nr_slots, ANY_VCPU, why);\n", "    (void)why;\n")
m("close: nobody gives way", "if (err != HV_EAGAIN && p->closed == closed)", "if (0)")
m("close: the last round first", "enum hv_err err = close_round(p, false, budget);", "enum hv_err err = HV_OK;")
m("close: all that is left gives way", "if (err == HV_EAGAIN || last)", "if (err == HV_EAGAIN)")
m("close: one gives way in each round", "err != HV_EAGAIN && p->closed == closed", "err != HV_EAGAIN")
m("close: a blocked slot is left", "return err == HV_EBUSY ? close_all(p, slot->blocked, budget) : verdict(p, err);", "return verdict(p, err);")
m("close: alone as if it were the last", "run(p, slot, false, budget)", "run(p, slot, true, budget)")
m("sync: nothing", "enum hv_err ptwr_sync(struct ptwr *p, enum ptwr_trigger why, unsigned int *budget)\n{\n", "enum hv_err ptwr_sync(struct ptwr *p, enum ptwr_trigger why, unsigned int *budget)\n{\n    if (1)\n        return HV_OK;\n")
m("preempt: nothing", "    if (p->nr_open != 0)\n        protect(p, p->slots, p->nr_slots, vcpu, why);", "    (void)vcpu;\n    (void)why;")

source("ptwr/policy.c")
m("policy: no pause after long batches",
  "        p->pause = UINT32_C(1) << p->pause_shift >> PATIENCE;\n", "        p->pause = 0;\n")
m("policy: the pause after long batches ends too early",
  "p->pause_shift < MAX_PAUSE_SHIFT + PATIENCE)", "p->pause_shift < MAX_PAUSE_SHIFT)")
m("policy: the pause does not grow", "        p->pause_shift++;\n", "        ;\n")
m("policy: the pause is not forgotten", "        p->pause_shift = 0;\n", "        ;\n")
m("policy: all batches are worth it", "if (slot->run + slot->changed >= slot->worth) {", "if (1) {")
m("policy: what was emulated of a run is forgotten", "slot->run + slot->changed >=", "slot->changed >=")
m("policy: no wait after a short batch", "    place->wait = (uint16_t)(WAIT << place->shift);\n", "")
m("policy: making room forgets the run", "    if (place->table == table.raw)\n        place->table = MFN_NONE.raw;\n", "    place->table = MFN_NONE.raw;\n")
m("policy: confidence is not lost", "        place->confidence--;\n", "        ;\n")
source("ptwr/policy.h")
m("policy: one run for all tables", "place->table == table.raw ? place->run : 0", "place->run + 0U * table.raw")
m("policy: one place for all", "(pc >> 2 ^ pc >> 9) & (PTWR_PREDICTOR - 1)", "(pc & 0)")
m("policy: no pause after a walk", "    if (p->pause != 0)\n        return false;\n", "")
m("policy: the pause never ends", "        p->pause--;\n", "        ;\n")
m("policy: an empty batch is opened again", "    if (mfn_eq(table, p->last_empty))\n        return false;\n", "")
m("policy: one emulated store does not end it", "    if (mfn_eq(table, p->last_empty))\n        p->last_empty = MFN_NONE;\n", "")

# --- One entry -----------------------------------------------------------------------------------
source("ptwr/update.c")
m("update: nothing is taken", "    err = take(p, at, old, value, budget);\n    if (err != HV_OK)\n        return err;\n", "    (void)take;\n    (void)budget;\n    err = HV_OK;\n")
m("update: nothing is dropped", "    type_drop(p, at, old);\n    type_spend", "    type_spend")
m("update: drop before the store", "    if (validate_needs_break(old, value) ||", "    type_drop(p, at, old);\n#define type_drop(a, b, c)\n    if (validate_needs_break(old, value) ||",
  "a table that goes stale stays as it is until a flush, which begins with a DSB: the store is seen by then")
m("update: drop before take", "    err = take(p, at, old, value, budget);\n    if (err", "    type_drop(p, at, old);\n#define type_drop(a, b, c)\n    err = take(p, at, old, value, budget);\n    if (err")
m("update: stored first, judged then", "    err = take(p, at, old, value, budget);\n    if (err", "    ptwr_port_store(p->port, at.table, at.index, value);\n    err = take(p, at, old, value, budget);\n    if (err")
m("update: what was taken for it is kept", "        type_drop(p, at, value);\n        return HV_EAGAIN;", "        return HV_EAGAIN;")
m("update: never broken", "    if (validate_needs_break(old, value) || (unflushed && desc_is_valid(value)))", "    if (0)")
m("update: never broken, unless the guest did not flush", "    if (validate_needs_break(old, value) || (", "    if ((")
m("update: the guest's own break is trusted", "validate_needs_break(old, value) || (unflushed && desc_is_valid(value))", "validate_needs_break(old, value)")
m("update: always broken", "    if (validate_needs_break(old, value) || (unflushed && desc_is_valid(value)))", "    if (1)")
m("update: a conflict is final", "    if ((err == HV_EBUSY || err == HV_EINVAL) && p->nr_open != 0) {", "    if (err == HV_EBUSY && p->nr_open != 0) {")
m("update: a link to an open table is final", "    if ((err == HV_EBUSY || err == HV_EINVAL) && p->nr_open != 0) {", "    if (err == HV_EINVAL && p->nr_open != 0) {")
m("update: an open table", "    if (p->nr_open != 0 && type_slot(p, table) != NULL) {", "    if (0) {")
m("update: a table that is stale or in validation", "    if (f->state != FRAME_ATTACHED) {\n        err = ptwr_settle(p, table, budget);\n        if (err != HV_OK)\n            return err;\n    }\n", "")
m("update: EL2's own frame", "    if (f == NULL || f->readonly)\n        return HV_EPERM;\n", "    if (f == NULL)\n        return HV_EPERM;\n")
m("quick: a way that may have ended", "return memo->links == p->links && memo->page", "return memo->links != 0 && memo->page")
m("quick: another page", "memo->page == va.raw >> PAGE_SHIFT &&\n           ", "")
m("quick: another mapping", " &&\n           desc_eq(ptwr_port_load(p->port, memo->leaf_table, memo->leaf_index), memo->leaf);", ";")
m("quick: a table no more", " && frame_is_attached_l3(memo->frame, p->owner);", ";")
m("quick: by a read-only mapping", "    if (f != NULL && walk->writable_el1 && ", "    if (f != NULL && ")
m("quick: any frame is remembered", " && frame_is_attached_l3(f, p->owner))\n        ptwr", ")\n        ptwr")
m("quick: not judged", "    if (!desc_eq(old, value) && !update_page(p, at, old, value))\n        return false;\n", "    ptwr_port_store(p->port, at.table, at.index, value);\n")
m("list: of any table", "if (f == NULL || mfn_to_pa(table).raw != page || !frame_is_attached_l3(f, p->owner))", "if (f == NULL || mfn_to_pa(table).raw != page)")
m("list: of any kind", "mfn_to_pa(table).raw != page || ", "")
m("list: other tables too", "i < count && (request[i].ptr & ~place) == page; i++", "i < count; i++")
m("list: not judged", "        if (!desc_eq(old, request[i].value) && !update_page(p, at, old, request[i].value))\n            break;\n", "        (void)old;\n        ptwr_port_store(p->port, table, at.index, request[i].value);\n")
source("ptwr/slot.c")
m("quick: a table was opened on the way", "    p->links++;\n", "")
source("ptwr/type.c")
m("quick: a pointer on the way was dropped", "    p->links++;\n", "")
source("ptwr/root.c")
m("quick: another base", "    *base = mfn;\n    p->links++;\n", "    *base = mfn;\n")
source("ptwr/root.c")
m("quick: no base any more", "        p->links++;\n", "")
source("ptwr/ptwr.c")
m("quick: the memo survives a restart", "    p->links++;\n    slot_init(p);", "    slot_init(p);")
source("ptwr/update.c")
m("store: EL0 to a table", "    if (store->el0)\n        return refuse_store(p, store, PTWR_RULE_EL0_TABLE);\n", "")
m("store: assist off", "    if (!p->assist)\n        return refuse_store(p, store, PTWR_RULE_WRITABLE);\n", "")
m("store: the rest of the entry is lost", "(old.raw & ~(mask << shift)) | (store->value & mask) << shift", "(store->value & mask) << shift")
m("store: at the start of the entry", "(store->value & mask) << shift)", "(store->value & mask))")
m("store: done without an update", "    err = update_entry(p, at, value, budget);\n    if (err != HV_OK)\n        return outcome_of(err);\n", "    (void)err;\n    (void)budget;\n")
m("store: to a protected table is lost", "        if (type_slot(p, store->table) != NULL)\n            return outcome_of(slot_close(p, type_slot(p, store->table), PTWR_T_SLOT, budget));\n", "")
m("store: to a table in validation waits", "        type_cancel(p, store->table);\n        return PTWR_RETRY;", "        return PTWR_RETRY;")
m("store: to a stale table, old permission kept", "        if (err == HV_OK)\n            sequence_relax(p, store->table, store->va);\n", "")
m("store: already writable, old permission kept", "        sequence_relax(p, store->table, store->va);\n        return PTWR_RETRY;", "        return PTWR_RETRY;")
m("part: opened like any store", "    p->pause++;\n", "")
m("part: a refused one delays opening", "        p->pause--;\n    return outcome;", "        ;\n    return outcome;")


# --- Calls ---------------------------------------------------------------------------------------
source("ptwr/root.c")
m("get: of another level", "    if (f->type != frame_type_of_level(level)) {\n        (void)refuse_frame(p, mfn, level, PTWR_RULE_TYPE);\n        return HV_EBUSY;\n    }\n", "")
source("ptwr/root.c")
m("get: a table in validation as another level", "    if (f->state == FRAME_PROTECTING && f->type != frame_type_of_level(level))\n        type_cancel(p, mfn);\n", "")
source("ptwr/root.c")
m("get: a table that is not validated", "    if (f->state != FRAME_ATTACHED) {\n        enum hv_err err = type_promote", "    if (0) {\n        enum hv_err err = type_promote")
source("ptwr/root.c")
m("get: not counted", "    f->type_count++;\n    return HV_OK;", "    return HV_OK;")
source("ptwr/root.c")
m("get: too many", "    if (f->type_count == FRAME_TYPE_COUNT_MAX)\n        return refuse_frame(p, mfn, level, PTWR_RULE_COUNT);\n", "")
source("ptwr/root.c")
m("pin: twice", "    if (f != NULL && frame_has(f, FRAME_PINNED))\n        return refuse_frame", "    if (0)\n        return refuse_frame")
source("ptwr/root.c")
m("pin: not marked", "    if (err == HV_OK)\n        frame_set(frame_get(p->frames, mfn), FRAME_PINNED);\n", "")
source("ptwr/root.c")
m("unpin: not pinned", "    if (f == NULL || !frame_has(f, FRAME_PINNED))\n", "    if (f == NULL)\n")
source("ptwr/ptwr.c")
source("ptwr/root.c")
m("unpin: keeps the reference", "    frame_clear(f, FRAME_PINNED);\n    type_put(p, mfn);\n", "    frame_clear(f, FRAME_PINNED);\n")
source("ptwr/ptwr.c")
source("ptwr/root.c")
m("base: the old one keeps its reference", "    *base = mfn;\n    p->links++;\n    if (!mfn_is_none(old))\n        type_put(p, old);\n", "    *base = mfn;\n    p->links++;\n")
source("ptwr/root.c")
m("unload: the roots keep their references", "        p->links++;\n        if (!mfn_is_none(old))\n            type_put(p, old);\n", "        p->links++;\n        (void)old;\n")
source("ptwr/ptwr.c")
source("ptwr/root.c")
m("unload: one base only", "    for (unsigned int which = 0; which < 2; which++) {\n        mfn_t old", "    for (unsigned int which = 0; which < 1; which++) {\n        mfn_t old")
source("ptwr/ptwr.c")
m("flush call: blocks are forgotten", "    (void)ptwr_work(p, budget);", "    (void)ptwr_work(p, budget);\n    p->blocks = false;")
source("ptwr/root.c")
m("base: the new one is dropped", "    *base = mfn;\n    p->links++;\n    if (!mfn_is_none(old))\n        type_put(p, old);\n", "    *base = mfn;\n    p->links++;\n    if (!mfn_is_none(old))\n        type_put(p, mfn_is_none(mfn) ? old : mfn);\n")
source("ptwr/root.c")
m("base: TTBR1 without one", "        if (which != 0)\n            return refuse_frame(p, mfn, 0, PTWR_RULE_REGIME);\n", "")
source("ptwr/root.c")
m("base: no sync", "    enum hv_err err = ptwr_sync(p, PTWR_T_REGIME, budget);\n", "    enum hv_err err = HV_OK;\n")
source("ptwr/root.c")
m("walk: an open table stays open", "        return slot_close(p, slot, PTWR_T_WALK, budget);\n", "        return HV_OK;\n")
source("ptwr/root.c")
m("walk: a stale table without a flush", "        sequence_flush(p);\n        return HV_OK;", "        return HV_OK;")
source("ptwr/ptwr.c")
m("assist: off with writers", "        if (p->tables_with_writers != 0)\n            return HV_EBUSY;\n", "")
m("assist: off without a sync", "        err = ptwr_sync(p, PTWR_T_ASSIST, budget);\n        if (err != HV_OK)\n            return err;\n", "        (void)budget;\n")
m("flush call: nothing", "    sequence_flush(p);\n    (void)ptwr_work(p, budget);", "    (void)ptwr_work(p, budget);")
m("remove: in use", "    if (f->counts != 0 || f->readonly)", "    if (f->readonly)")
m("remove: EL2's own frame", "    if (f->counts != 0 || f->readonly)", "    if (f->counts != 0)")
m("remove: stays mapped", "    sequence_unmap(p, mfn);\n", "")
m("remove: a table in validation", "    if (err == HV_OK)\n        err = ptwr_settle(p, mfn, budget);\n    if (err != HV_OK)\n        return err;\n    if (f->counts", "    if (err != HV_OK)\n        return err;\n    if (f->counts")
source("ptwr/walk.c")
m("translate: through an open table", "        if (some_open && !is_attached(p, table))\n            return HV_EAGAIN;\n", "        (void)some_open;\n        (void)is_attached;\n")
source("ptwr/ptwr.c")
m("remove: no sync", "    enum hv_err err = ptwr_sync(p, PTWR_T_MEMORY, budget);\n", "    enum hv_err err = HV_OK;\n")
m("add: somebody's frame", "    if (f->owner != FRAME_NO_OWNER)\n        return HV_EBUSY;\n", "")

# --- The port: what each single effect has to be -------------------------------------------------
source("tests/mmu/mmu.c")
m("port: TLBIs reach their own CPU only", "    (void)op;\n    return cpu < MMU_CPUS;", "    return cpu == op->cpu;")
m("port: TLBIs act on another VMID", "static struct mmu *current(struct mmu *m) { return m; }", "static struct mmu *current(struct mmu *m) { return m->neighbour != NULL ? m->neighbour : m; }")
m("port: VMALLE1 by VA", "            if (op->kind == MMU_VAAE1)\n                kill_page", "            if (1)\n                kill_page")
m("port: VAAE1 of one ASID", "            if (op->kind == MMU_VAAE1)\n                kill_page", "            if (op->kind == MMU_VAAE1 && asid != 0)\n                continue;\n            if (op->kind == MMU_VAAE1)\n                kill_page")
m("port: VMALLE1 of one ASID", "            else\n                kill_all(c,", "            else if (asid == 0)\n                kill_all(c,")
m("port: IPAS2E1 takes no walk page", "        if (op->kind == MMU_VMALLS12E1 || op->window == PTWR_WALK)\n", "        if (op->kind == MMU_VMALLS12E1)\n")
m("port: VMALLS12E1 is VMALLE1", "{ return op->kind == MMU_VMALLS12E1; }", "{ return op->kind != op->kind; }")
source("tests/mmu/port.c")
m("port: a clean without its DSB", "    complete_cleans(m); /* its DSB belongs to it */\n", "")
m("port: a clean that does nothing", "        e->cleaning = e->mixed;\n", "        (void)e;\n")
m("port: no repeated TLBI", "    m->late_stores = 0;\n    m->late_walks = 0;\n", "")

engine_mutants.add(m, source)
guarded_mutants.add(m, source)
seal_mutants.add(m, source)

# The ones that the exhaustive search has to find as well: one of each way to lose the guarantee.
KEY = {
    "flush: no DSB before the TLBI",
    "flush: stage-2 entries of the frames stay",
    "flush: no DSB between the stages",
    "flush: stage 1 stays",
    "flush: no DSB at the end",
    "protect: the data window stays writable",
    "protect: no clean",
    "detach: always by VA",
    "detach by VA: no DSB between the stages",
    "detach by VA: stage 1 stays",
    "replace: the table stays in sight",
    "repaired: no DSB",
    "retire: the walk page stays",
    "unmap: no flush",
    "stale: freed without a flush",
    "put: plain at once",
    "leaf: table writable for EL0",
    "link: to an open table",
    "begin: EL0 can write it",
    "open: not detached",
    "batch: nothing is taken",
    "update: a table that is none any more",
    "update: nothing is dropped",
    "assist: off with writers",
    "remove: in use",
}
