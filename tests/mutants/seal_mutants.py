"""Mutants of the seal, and of what it had moved."""

KNOWN = """        if (i == count || idle == IDLE || !known_is(p, d) ||
            known_is_code(p, ptwr_view_load(&view.then[i])))
            break;
"""
FOREIGN = """    if ((f->readonly && !frame_has(f, FRAME_SEALED)) || frame_has(f, FRAME_FOREIGN))
        return type_refuse(p, PTWR_RULE_FOREIGN);
"""


def moved(m, source):
    source("ptwr/type.c")
    m("cancel: plain although walkers saw it", "    stale_rest(p, mfn);\n}\n\n/* No walker ever saw it",
      "    frame_get(p->frames, mfn)->state = FRAME_PLAIN;\n    frame_get(p->frames, mfn)->type = FRAME_NONE;\n}\n\n/* No walker ever saw it")
    m("cancel: its writers stay counted", "    if (f->el1_writers != 0)\n        p->tables_with_writers--;\n    stale_rest", "    (void)f;\n    stale_rest")
    m("begin: a frame that others write", FOREIGN, "")
    m("begin: a foreign frame", FOREIGN, FOREIGN.replace(" || frame_has(f, FRAME_FOREIGN)", ""))
    m("begin: EL2's own frame", FOREIGN, FOREIGN.replace("(f->readonly && !frame_has(f, FRAME_SEALED)) || ", ""))
    m("take: every leaf is noted as a block", "    if (err == HV_OK && at.level < 3)\n        root_note_block", "    if (err == HV_OK)\n        root_note_block")
    source("ptwr/update.c")
    m("store: the comparison is not made", "    if (store->old_valid && store->seen != (store->old & mask))\n        return PTWR_FAILED;\n    err", "    err")
    m("store: to EL2's own frame", "    if (f != NULL && f->readonly)\n        return store_to_constant(p, store);\n", "")
    m("quick: a live page is not broken", "p->settling || validate_needs_break(old, value) || is_way(p, at.table))", "p->settling || is_way(p, at.table))")
    source("ptwr/leaf.c")
    m("guarded leaf: memory as a device", "    if (range.count != 0 && !validate_is_normal(p, d))\n        return type_refuse(p, PTWR_RULE_MEMTYPE);\n", "")
    source("ptwr/known.c")
    m("known: a contiguous page is learnt", "(d.raw & DESC_CONTIGUOUS) != 0 || seal_counts", "seal_counts")
    m("known: learnt of any frame", "f == NULL ||\n        f->owner != p->owner)", "f == NULL)",
      "all frames of a guarded domain's table are its own")
    m("changes: an invalid entry ends a row", "(!run_has(&same, p->owner, d) && desc_is_valid(d))", "!run_has(&same, p->owner, d)",
      "known_is() takes an invalid entry too: it is the long way round, to the same end")
    m("changes: all is known", KNOWN + "        run = run_of(p, d);\n        i++;\n    }\n    *changed",
      "        if (i == count || idle == IDLE)\n            break;\n        run = run_of(p, d);\n        i++;\n    }\n    *changed")
    source("ptwr/root.c")
    m("drop: although it is loaded", "        if (root_is_loaded(p, root) || frame_has(", "        if (frame_has(")
    m("drop one: although it is loaded", "FRAME_WAY) || root_is_loaded(p, root))", "FRAME_WAY))")
    m("kernel base: open tables stay open", "        err = ptwr_sync(p, PTWR_T_REGIME, budget);\n        if (err == HV_OK && !seal", "        if (err == HV_OK && !seal")


def seal(m, source):
    source("ptwr/seal.c")
    m("seal: a table may be code", "    if (frame_is_table(f) && f->state != FRAME_STALE)\n        return broken(p, PTWR_RULE_EXECUTE);\n", "")
    m("seal: data of the image may be code", "    if (frame_has(f, FRAME_KDATA) || f->el0_writers != 0)", "    if (f->el0_writers != 0)")
    m("seal: what users write may be code", "    if (frame_has(f, FRAME_KDATA) || f->el0_writers != 0)", "    if (frame_has(f, FRAME_KDATA))")
    m("seal: new code although it is denied", "    if (p->seal.state == SEAL_DONE && p->seal.text == PTWR_TEXT_DENY)\n        return broken(p, PTWR_RULE_TEXT);\n    return HV_OK;", "    return HV_OK;")
    m("seal: users write code", "        if (f->type == FRAME_TEXT && f->state != FRAME_STALE)\n            err = broken(p, PTWR_RULE_EXECUTE);\n        else if", "        if")
    m("seal: users write the image", "        else if (f->readonly || frame_has(f, FRAME_KDATA))\n            err = broken(p, PTWR_RULE_SEALED);\n", "")
    m("seal: writable code", "        if (desc_is_writable(d) || desc_is_el0(d)) {", "        if (desc_is_el0(d)) {")
    m("seal: code of users", "        if (desc_is_writable(d) || desc_is_el0(d)) {", "        if (desc_is_writable(d)) {")
    m("seal: code is not counted", "        if (is_code_frame(f) && !frame_has(f, FRAME_SEALED))\n            f->type_count++;", "        (void)f;")
    m("seal: code stays for ever", "        f->type_count--;\n        if (f->type_count == 0)", "        f->type_count--;\n        if (0)")
    m("seal: the image goes to other frames", "DESC_VALID | DESC_TABLE | DESC_OA | DESC_ATTRINDX | DESC_AP_EL0;", "DESC_VALID | DESC_TABLE | DESC_ATTRINDX | DESC_AP_EL0;")
    m("seal: the image becomes writable", "    if (!desc_is_writable(old) && desc_is_writable(value))\n        return false;\n", "")
    m("seal: the image becomes code", "    return seal_is_code(old) || !seal_is_code(value);", "    return true;")
    m("seal: the image becomes a group", "    if ((~old.raw & value.raw & DESC_CONTIGUOUS) != 0)\n        return false;\n", "")
    m("seal: a group beside the image", "desc_span(at.level) * (group ? LEAF_CONTIGUOUS : 1)", "desc_span(at.level)")
    m("seal: the way to the image goes elsewhere", "    return ((old.raw ^ value.raw) & (DESC_VALID | DESC_TABLE | DESC_OA)) == 0;", "    return true;")
    m("seal: any root", "    if (p->seal.state != SEAL_DONE || (f != NULL && frame_is_table(f) && frame_has(f, FRAME_WAY)))\n        return true;", "    if (1)\n        return true;")
    m("seal: a CPU starts anywhere", "(p->seal.state != SEAL_DONE || p->seal.audit || frame_has(f, FRAME_SEALED))", "true")
    m("seal: too early", "        if (p->seal.nr_rodata == 0)\n            return give_up(p, PTWR_SEAL_TOO_EARLY);\n", "")
    m("seal: constants stay writable", "        f->readonly = 1;\n        sequence_seal(p, mfn);", "        f->readonly = 1;")
    m("seal: code stays writable", "    begin_text(p, mfn);\n    sequence_seal(p, mfn);", "    begin_text(p, mfn);")
    m("seal: without a flush", "    sequence_sealed(p);\n    p->seal.state = SEAL_DONE;", "    p->seal.state = SEAL_DONE;")
    m("seal: what was learnt before holds", "    type_forget(p);\n    begin_pass(p, SEAL_CHECKING);", "    begin_pass(p, SEAL_CHECKING);")
    m("seal: code although it is denied", "    if (p->seal.text == PTWR_TEXT_DENY && !p->seal.audit)\n        return PTWR_RULE_TEXT;\n", "")
    source("ptwr/known.c")
    m("seal: code is known by its kind", "seal_counts(p, d) || f == NULL", "f == NULL")
    source("ptwr/update.c")
    m("seal: constants are stored to", "    if (f != NULL && f->readonly)\n        return store_to_constant(p, store);\n    if (f != NULL", "    if (f != NULL")
    m("seal: the way is not judged", "        frame_has(frame_get(p->frames, at.table), FRAME_WAY) && !seal_admits(p, at, old, value)) {", "        0) {")
    m("seal: quick on the way", " || is_way(p, at.table))\n        return false;", ")\n        return false;")
    m("seal: quick in the place of code", " || known_is_code(p, old))", ")")
    source("ptwr/stale.c")
    m("seal: code is not dropped with its table", " && !has_code)\n        taken = 0;", ")\n        taken = 0;")
    source("ptwr/ptwr.c")
    m("seal: outlives a reset", "    if (frame_has(f, FRAME_SEALED))\n        new.readonly = 0;\n", "")


def add(m, source):
    moved(m, source)
    seal(m, source)
