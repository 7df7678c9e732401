"""Mutants of replacing an entry, of leaves and links, and of what a store or a batch does."""

REPLACE = """    bool walked = sequence_is_walked(p, frame_get(p->frames, table));

    if (walked)
        ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);
    if (!p->guarded) {
        flush(p, PTWR_WALK, &table, 1);
    } else {"""
HIDE = """    if (walked)
        ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);
    if (!p->guarded) {
        flush"""
FLUSH = "    if (!p->guarded) {\n        flush(p, PTWR_WALK, &table, 1);\n"
STORE = """    ptwr_port_store(p->port, table, index, value);
    sequence_repaired(p);
    if (!p->guarded) {"""


def sequences(m, source):
    source("ptwr/sequence.c")
    stale = "            ptwr_port_tlbi_ipas2e1is(p->port, PTWR_WALK, table);\n        table = mfn_of"
    m("flush: stage-2 entries of stale tables stay", stale, "            ;\n        table = mfn_of")
    m("flush: stale tables in the data window", stale, stale.replace("PTWR_WALK", "PTWR_DATA"))
    m("flush: stage 1 before stage 2", "        for (unsigned int i = 0; i < count; i++)\n"
      "            ptwr_port_tlbi_ipas2e1is(p->port, window, frames[i]);\n        if (p->stale_roots",
      "        ptwr_port_tlbi_vmalle1is(p->port);\n        ptwr_port_dsb_ish(p->port);\n"
      "#define ptwr_port_tlbi_vmalle1is(x)\n        for (unsigned int i = 0; i < count; i++)\n"
      "            ptwr_port_tlbi_ipas2e1is(p->port, window, frames[i]);\n        if (p->stale_roots")
    m("replace: the table stays in sight", HIDE, "    if (!p->guarded) {\n        flush")
    m("replace: no flush", FLUSH, "    if (!p->guarded) {\n")
    m("replace: flush of the data window", FLUSH, FLUSH.replace("PTWR_WALK", "PTWR_DATA"))
    m("replace: flush of stage 1 only", FLUSH, FLUSH.replace("&table, 1", "&table, 0"))
    m("replace: flush by VA", FLUSH,
      "    if (!p->guarded) {\n        sequence_detach(p, table, &(const va_t){0});\n")
    m("replace: store before the flush", REPLACE,
      REPLACE.replace("        flush(p, PTWR_WALK", "        ptwr_port_store(p->port, table, index, value);\n"
                      "        flush(p, PTWR_WALK"))
    m("replace: break in sight of others", "    if (walked)\n        ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);\n    if (!p->guarded) {",
      "    ptwr_port_store(p->port, table, index, desc_of(0));\n    if (walked)\n"
      "        ptwr_port_s2_store(p->port, PTWR_WALK, table, PTWR_UNMAPPED);\n    if (!p->guarded) {")
    m("replace: nothing is stored", STORE, "    sequence_repaired(p);\n    if (!p->guarded) {")
    m("replace: the table stays hidden", "    if (!p->guarded) {\n        sequence_attach(p, table);\n        return;",
      "    if (!p->guarded) {\n        return;")


def leaves(m, source):
    source("ptwr/stale.c")
    m("stale: one entry is not dropped", "        type_drop(p, at, block[i]);\n",
      "        if (at.index != 0)\n            type_drop(p, at, block[i]);\n")
    source("ptwr/leaf.c")
    m("leaf: not the domain's", "    if (f == NULL)\n        return type_refuse(p, PTWR_RULE_OWNER);\n    if (f->refs",
      "    if (f == NULL)\n        return HV_OK;\n    if (f->refs")
    m("leaf: too many references",
      "    if (f->refs == FRAME_REFS_MAX)\n        return type_refuse(p, PTWR_RULE_COUNT);\n", "")
    m("leaf: read-only frame writable",
      "    if (f->readonly)\n        return type_refuse(p, PTWR_RULE_FOREIGN);\n", "")
    m("leaf: table writable for EL0",
      "        if (frame_is_live_table(f))\n            return type_refuse(p, PTWR_RULE_EL0_TABLE);\n", "")
    m("leaf: too many EL0 writers",
      "return f->el0_writers < FRAME_WRITERS_MAX ? HV_OK : type_refuse(p, PTWR_RULE_COUNT);",
      "return HV_OK;")
    m("leaf: table writable, assist off",
      "    if (!p->assist && frame_is_live_table(f))\n        return type_refuse(p, PTWR_RULE_WRITABLE);\n", "")
    m("leaf: too many EL1 writers",
      "return f->el1_writers < FRAME_WRITERS_MAX ? HV_OK : type_refuse(p, PTWR_RULE_COUNT);",
      "return HV_OK;")
    m("leaf: memory as a device",
      "    if (!validate_is_normal(p, d))\n        return type_refuse(p, PTWR_RULE_MEMTYPE);\n    for", "    for")
    m("leaf: only the first frame of a block is judged",
      "    for (uint64_t i = 0; i < range.count; i++) {\n        mfn_t mfn = mfn_of(range.first + i);\n        enum hv_err err;\n",
      "    for (uint64_t i = 0; i < 1; i++) {\n        mfn_t mfn = mfn_of(range.first + i);\n        enum hv_err err;\n")
    m("leaf: only the first frame of a block is counted",
      "i < range.count; i++)\n        add(p, &frames[i], delta);", "i < 1; i++)\n        add(p, &frames[i], delta);")
    m("leaf: only the first frame of a block is dropped",
      "i < range.count; i++)\n        sub(p, &frames[i], delta);", "i < 1; i++)\n        sub(p, &frames[i], delta);")
    m("guarded leaf: EL0 may write anything", "    if (!is_el0_writable(d))\n        return HV_OK;\n    for (uint64_t i = 0; i < range.count; i++) {",
      "    return HV_OK;\n    for (uint64_t i = 0; i < range.count; i++) {")
    m("guarded leaf: only the first frame is judged",
      "    for (uint64_t i = 0; i < range.count; i++) {\n        mfn_t mfn = mfn_of(range.first + i);\n        const struct frame *f",
      "    for (uint64_t i = 0; i < 1; i++) {\n        mfn_t mfn = mfn_of(range.first + i);\n        const struct frame *f")
    m("guarded leaf: not counted", "i < range.count && delta != 0; i++)\n        add(p", "i < 0; i++)\n        add(p")
    m("guarded leaf: not dropped", "i < range.count && delta != 0; i++)\n        sub(p", "i < 0; i++)\n        sub(p")
    m("guarded leaf: one of a contiguous group", "    if ((d.raw & DESC_CONTIGUOUS) != 0)\n        span *=",
      "    if (0)\n        span *=")


def links(m, source):
    source("ptwr/type.c")
    m("link: not the domain's", "    *child = mfn;\n    if (f == NULL)\n        return type_refuse(p, PTWR_RULE_OWNER);\n",
      "    *child = mfn;\n    if (f == NULL)\n        return HV_OK;\n")
    m("link: to a table of another level",
      "    if (f->type != frame_type_of_level(at.level + 1U))\n        return type_refuse(p,",
      "    if (0)\n        return type_refuse(p,")
    m("link: to an open table", "    if (type_slot(p, mfn) != NULL || slot_is_below(p, mfn))\n        return HV_EBUSY;\n", "")
    m("link: to a table above an open one", "type_slot(p, mfn) != NULL || slot_is_below(p, mfn)", "type_slot(p, mfn) != NULL")
    count = "    if (f->type_count == FRAME_TYPE_COUNT_MAX)\n        return type_refuse(p, PTWR_RULE_COUNT);\n"
    m("link: too many references", count + "    f->type_count++;\n    if (f->hooked", "    f->type_count++;\n    if (f->hooked")
    m("link: not counted", "    f->type_count++;\n    if (f->hooked", "    if (f->hooked")
    shared = "    if (f->hooked || frame_has(f, FRAME_ROOT)) {\n        f->hooked = 1;\n        root_note_shared(p, f, at.table);\n"
    m("link: the second one keeps the back-pointer", shared + "        frame_clear(f, FRAME_BACKPTR);\n", shared)
    m("link: every one is the first", "    if (f->hooked || frame_has(f, FRAME_ROOT)) {\n        f->hooked", "    if (0) {\n        f->hooked")
    m("link: not marked hooked", "    f->hooked = 1;\n    frame_set(f, FRAME_BACKPTR);", "    frame_set(f, FRAME_BACKPTR);")
    m("drop: keeps the back-pointer", "    frame_clear(f, FRAME_BACKPTR);\n    if (!is_on_no_way", "    if (!is_on_no_way")
    m("take: the bits are not judged", "    if (rule != PTWR_RULE_NONE)\n        return type_refuse(p, rule);\n    if (desc_is_table", "    (void)rule;\n    if (desc_is_table")
    foreign = "    if (f->readonly || frame_has(f, FRAME_FOREIGN))\n        return type_refuse(p, PTWR_RULE_FOREIGN);\n    if (f->state == FRAME_STALE) {"
    m("begin: a frame with a type", "    if (f->type != FRAME_NONE)\n        return type_refuse(p, PTWR_RULE_TYPE);\n", "")
    m("begin: EL0 can write it", "    if (f->el0_writers != 0)\n        return type_refuse(p, PTWR_RULE_EL0_TABLE);\n", "")
    m("begin: EL1 can write it, assist off", "    if (!p->assist && f->el1_writers != 0)\n        return type_refuse(p, PTWR_RULE_WRITABLE);\n", "")
    m("scan: the cursor stays behind a page of a run",
      "type_take_fast(&scan->run, p->owner, block[i])) {\n            p->count.validated++;\n            frame_set_cursor(f, at.index + 1U);\n",
      "type_take_fast(&scan->run, p->owner, block[i])) {\n            p->count.validated++;\n")
    m("scan: known pages are not spent", "    type_spend(budget, (known + KNOWN_PAGES - 1) / KNOWN_PAGES);\n    return first + known;", "    return first + known;")
    m("promote: protecting as another level", "        if (f->type != frame_type_of_level(level))\n            return type_refuse(p, PTWR_RULE_TYPE);\n        /* Begun", "        /* Begun")
    source("ptwr/validate.c")
    direct = "        return PTWR_RULE_LEVEL;\n    if ((d.raw & LEAF_REFUSED) != 0 || (d.raw & DESC_SH) == SH_RESERVED ||\n        (desc_oa(d) & (desc_span(level) - 1)) != 0)\n        return PTWR_RULE_RESERVED;\n    if (is_beyond(p, d))\n        return PTWR_RULE_OWNER;\n    return (desc_oa(d) & p->walk) == 0 ? PTWR_RULE_NONE : PTWR_RULE_WINDOW;"
    m("bits: leaf beyond both windows", direct, direct.replace("    if (is_beyond(p, d))\n        return PTWR_RULE_OWNER;\n", ""))
    m("bits: leaf with WALK", direct, direct.replace("(desc_oa(d) & p->walk) == 0 ? PTWR_RULE_NONE : PTWR_RULE_WINDOW", "PTWR_RULE_NONE"))
    m("bits: reserved shareability", direct, direct.replace(" || (d.raw & DESC_SH) == SH_RESERVED", ""))
    guarded = "            return PTWR_RULE_LEVEL;\n    }\n    if (is_beyond(p, d))\n        return PTWR_RULE_OWNER;\n    return (desc_oa(d) & p->walk) == 0 ? PTWR_RULE_NONE : PTWR_RULE_WINDOW;"
    m("guarded bits: beyond both windows", guarded, guarded.replace("    if (is_beyond(p, d))\n        return PTWR_RULE_OWNER;\n", ""))
    m("guarded bits: with WALK", guarded, guarded.replace("(desc_oa(d) & p->walk) == 0 ? PTWR_RULE_NONE : PTWR_RULE_WINDOW", "PTWR_RULE_NONE"))


def known(m, source):
    source("ptwr/known.h")
    m("known: any kind", "    if (kind != p->kinds[known_place(kind)])\n        return false;\n", "    (void)kind;\n")
    m("known: read-only of any address", "        return frame_in_range(p->frames, mfn);", "        return true;")
    m("known: dirty by hardware is read-only", "(d.raw & (harmless | DESC_DBM)) == harmless", "(d.raw & harmless) == harmless")
    m("known: what EL1 executes is harmless", "harmless = DESC_AP_RO | DESC_PXN;", "harmless = DESC_AP_RO;")
    m("known: of any frame", "    return f != NULL && frame_is_ordinary(f, p->owner);", "    return f != NULL;")
    source("ptwr/known.c")
    m("run: of any frame", "    return place < run->count && frame_is_ordinary(&run->frames[place], owner);", "    (void)owner;\n    return place < run->count;")
    m("changes: what has not changed is counted", "    *changed += i - idle + (idle == IDLE);", "    *changed += i;")
    m("row: all is known", "        if (i == count || idle == IDLE || !known_is(p, d))\n            break;\n        run = run_of(p, d);\n        i++;\n    }\n    return i;",
      "        if (i == count || idle == IDLE)\n            break;\n        run = run_of(p, d);\n        i++;\n    }\n    return i;")


def slots(m, source):
    source("ptwr/slot.c")
    m("one VA: index of another level", "address |= f->index * desc_span(frame_level(f) - 1);", "address |= f->index * desc_span(frame_level(f));")
    m("one VA: index left out", "        address |= f->index * desc_span(frame_level(f) - 1);\n", "")
    way = "        if (!frame_has(f, FRAME_BACKPTR))\n            return false;\n        address |="
    m("one VA: only the table itself is looked at", way, "        if (frame_level(f) == 3 && !frame_has(f, FRAME_BACKPTR))\n            return false;\n        address |=")
    m("one VA: the root's parents are not", "    if (f->hooked)\n        return false;\n    switch", "    switch")
    m("open: nothing by VA", "one_va = find_place(p, store->table, &va, &root) && frame_level(f) == 3;", "one_va = find_place(p, store->table, &va, &root) && 0;")
    detach = "    sequence_detach(p, p->guarded ? root : store->table, one_va ? &va : NULL);\n"
    m("open: everything by VA", detach, "    (void)one_va;\n" + detach.replace("one_va ? &va : NULL", "&va"))
    m("open: writable before it is detached", detach, "    sequence_release(p, store->table, store->va);\n" + detach)
    m("open: not detached", detach, "    (void)one_va;\n")
    m("open: a table that lost its last reference", "        if (f->state != FRAME_ATTACHED || !slot_can_open(p, store->table))\n            return HV_EAGAIN;\n", "")
    m("refuse: the value is learnt", "    else if (err == HV_OK && at.level == 3)\n        type_learn(p, &runs->taken, change[1]);",
      "    else if (at.level == 3)\n        type_learn(p, &runs->taken, change[1]);",
      "after a conflict the rest of the batch is judged entry by entry, so nobody looks at the run again")
    take = "    p->last_resort = slot->last;\n    err = type_take(p, at, change[1], budget);\n"
    m("batch: drop before take", take, "    type_drop(p, at, change[0]);\n#define type_drop(a, b, c)\n" + take)
    m("batch: nothing is taken", take, take.replace("type_take(p, at, change[1], budget)", "HV_OK"))
    m("batch: the old value is judged", take, take.replace("change[1]", "change[0]"))
    m("batch: known pages where they are counted", "    return type_holds_nothing(p, 3) ? batch_known", "    return p->guarded ? batch_known",
      "where they are counted no kind is ever learnt: all goes the long way")
    m("finish: still open in number", "    p->nr_open--;\n    if (p->guarded)\n        root_unpark(p, slot->root);\n    else", "    if (p->guarded)\n        root_unpark(p, slot->root);\n    else")
    m("give up: what was let go is dropped again", "        if (!is_dropped(p, slot, at.index, ptwr_port_load(p->port, table, at.index), then))\n            type_drop(p, at, then);", "        type_drop(p, at, then);")


def stores(m, source):
    source("ptwr/update.c")
    m("update: a table that is none any more", "    if (!is_table_at(p, at)) {\n        type_drop(p, at, value);\n        return HV_EAGAIN;\n    }\n", "")
    m("page: holds for ever", "    return holds(p, memo, va);\n}\n\nstatic inline bool memo_holds", "    (void)p;\n    (void)va;\n    return memo->links != 0;\n}\n\nstatic inline bool memo_holds")
    m("page: not the domain's", "    if (f == NULL)\n        return;\n    *memo", "    *memo")
    m("way: another region's", "way->region != region_of(va) || ", "")
    m("way: for ever", "way->links != p->links || ", "")
    m("way: EL1 may not write by it", " || (walk.desc.raw & DESC_AP_RO) != 0)\n        return false;\n    walk.oa", ")\n        return false;\n    walk.oa")
    m("way: to what is no table", "    if (f == NULL || !frame_is_attached_l3(f, p->owner))\n        return false;\n    ptwr_memo_fill_page", "    if (f == NULL)\n        return false;\n    ptwr_memo_fill_page")
    m("quick: assist off", "!mfn_is_none(p->teardown) || !p->assist)", "!mfn_is_none(p->teardown))")
    m("quick: a stale table's references", "!mfn_is_none(p->teardown) || !p->assist)", "!p->assist)")
    m("quick: the policy is not asked", "    if (p->guarded ? !guarded_page(p, memo, pc, value) : policy_opens(p, at.table, pc))\n        return false;\n", "    (void)guarded_page;\n")
    m("quick: below an open table", "    if (slot_above(p, memo->table) != NULL)\n        return false;\n", "")
    m("store: opened although nothing can be", "    if (!slot_can_open(p, store->table) || policy_is_hopeless(p, store)) {", "    if (!slot_can_open(p, store->table)) {")
    m("store: opened where no root is known", "policy_opens(p, store->table, store->pc) && slot_can_open(p, store->table) &&", "policy_opens(p, store->table, store->pc) &&")


def bases(m, source):
    source("ptwr/root.c")
    m("unpin: stays marked", "    frame_clear(f, FRAME_PINNED);\n    type_put(p, mfn);\n    return HV_OK;", "    type_put(p, mfn);\n    return HV_OK;")
    m("base: no role", "        add_role(p, frame_get(p->frames, mfn), which);\n", "")
    role = "root->index = (root->index | FRAME_ROLE(which)) & 0x1ff;"
    m("base: the other role", role, role.replace("FRAME_ROLE(which)", "FRAME_ROLE(1 - which)"))
    m("base: a new role replaces the old", role, "root->index = FRAME_ROLE(which) & 0x1ff;")
    m("unload: the roots stay loaded", "        p->base[vcpu][which] = MFN_NONE;\n        p->links++;", "        p->links++;")
    blocks = "    if (!mfn_eq(old, root) && (has_blocks(p, old) || has_blocks(p, root)))"
    m("base: blocks of the old one", blocks, blocks.replace("(has_blocks(p, old) || has_blocks(p, root))", "has_blocks(p, root)"))
    m("base: blocks of the new one", blocks, blocks.replace("(has_blocks(p, old) || has_blocks(p, root))", "has_blocks(p, old)"))
    m("kernel base: blocks of the old one", "    if (has_blocks(p, old) || has_blocks(p, root))", "    if (has_blocks(p, root))")
    m("kernel base: blocks of the new one", "    if (has_blocks(p, old) || has_blocks(p, root))", "    if (has_blocks(p, old))")
    source("tests/mmu/mmu.c")
    m("port: VAALE1 for VAAE1", "        c->next_ipa[context][prefix_of(page, level)] = 0;\n        c->next_pa[context][prefix_of(page, level)] = 0;\n        if (prefix_of",
      "        if (prefix_of")


def add(m, source):
    for group in (sequences, leaves, links, known, slots, stores, bases):
        group(m, source)
