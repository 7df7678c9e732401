/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_shadow.h"

mfn_t fake_mfn(unsigned int number)
{
    return mfn_of(FAKE_FIRST + number + (number >= FAKE_CHUNK ? FAKE_CHUNK : 0));
}

unsigned int fake_number(mfn_t mfn)
{
    uint32_t offset = mfn.raw - FAKE_FIRST;

    if (offset < FAKE_CHUNK)
        return offset;
    if (offset >= 2 * FAKE_CHUNK && offset < 3 * FAKE_CHUNK)
        return offset - FAKE_CHUNK;
    return FAKE_FRAMES;
}

unsigned int fake_child(uint64_t value)
{
    uint64_t address = value & DESC_OA & ~FAKE_WALK;

    return address >> PAGE_SHIFT > UINT32_MAX ? FAKE_FRAMES
                                              : fake_number(pa_to_mfn(pa_of(address)));
}

struct frame *fake_record(struct fake *f, unsigned int number)
{
    return &f->chunk[number / FAKE_CHUNK][number % FAKE_CHUNK];
}

struct fake *fake_new(void)
{
    struct fake *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    for (unsigned int n = 0; n < FAKE_FRAMES; n++)
        fake_record(f, n)->owner = FRAME_NO_OWNER;
    f->regions[0] = f->chunk[0];
    f->regions[2] = f->chunk[1];
    f->table.region = f->regions;
    f->table.first = FAKE_FIRST / FAKE_CHUNK;
    f->table.count = ARRAY_SIZE(f->regions);
    for (unsigned int v = 0; v < PTWR_MAX_VCPUS; v++)
        f->ttbr[v][0] = f->ttbr[v][1] = MFN_NONE;
    f->erratum = true;
    f->budget = PTWR_BUDGET;
    f->every = 1;
    f->pc = 0x1000;
    f->alias = 0xffffffff00000000;
    f->ptwr.frames = &f->table;
    f->ptwr.port = f;
    f->ptwr.walk = FAKE_WALK;
    f->ptwr.owner = FAKE_OWNER;
    f->ptwr.nr_slots = 2;
    f->ptwr.normal_attrs = 0x05; /* Attr0 write-back, Attr2 non-cacheable */
    f->ptwr.devices[0] = (struct ptwr_range){FAKE_DEVICE, 0x2000};
    f->ptwr.policy = PTWR_POLICY_PREDICT;
    f->ptwr.action = PTWR_ACTION_CRASH;
    ptwr_init(&f->ptwr);
    return f;
}

struct fake *fake_new_guarded(void)
{
    struct fake *f = fake_new();

    f->table.count = 1; /* its memory has no gaps */
    f->ptwr.guarded = true;
    f->ptwr.count_users = true;
    f->ptwr.action = PTWR_ACTION_REFUSE;
    ptwr_init(&f->ptwr);
    return f;
}

void fake_free(struct fake *f)
{
    for (unsigned int n = 0; n < FAKE_FRAMES; n++) {
        free(f->frame[n].cached);
        free(f->frame[n].dram);
        free(f->frame[n].tlb);
    }
    free(f->trace);
    free(f);
}

void fake_fail(struct fake *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(f->message, sizeof(f->message), format, args);
    va_end(args);
    if (f->catch != NULL)
        longjmp(*f->catch, 1);
    if (f->seed != 0)
        print_error("seed %llu, check %u: ", (unsigned long long)f->seed, f->ops);
    print_error("%s\nlast effects: %s\n", f->message, fake_trace_tail(f));
    fail_msg("%s", f->message);
    abort();
}

uint64_t *fake_memory(struct fake *f, unsigned int number)
{
    struct fake_frame *frame = &f->frame[number];

    if (number >= FAKE_FRAMES)
        fake_fail(f, "access to a frame that is not the domain's");
    if (frame->cached == NULL) {
        frame->cached = calloc(PTWR_ENTRIES, sizeof(uint64_t));
        frame->dram = calloc(PTWR_ENTRIES, sizeof(uint64_t));
    }
    if (number >= f->top)
        f->top = number + 1;
    return frame->cached;
}

uint64_t fake_peek(struct fake *f, unsigned int number, unsigned int index)
{
    return fake_memory(f, number)[index];
}

uint64_t fake_peek_dram(struct fake *f, unsigned int number, unsigned int index)
{
    (void)fake_memory(f, number);
    return f->frame[number].dram[index];
}

void fake_poke(struct fake *f, unsigned int number, unsigned int index, uint64_t value)
{
    (void)fake_memory(f, number);
    shadow_guest_store(f, number, index, value);
    f->frame[number].cached[index] = value;
    f->frame[number].dram[index] = value;
}

void fake_poke_nc(struct fake *f, unsigned int number, unsigned int index, uint64_t value)
{
    (void)fake_memory(f, number);
    shadow_guest_store(f, number, index, value);
    f->frame[number].dram[index] = value;
    f->frame[number].nc_dirty = true;
}

bool fake_may_store(const struct fake *f, unsigned int number)
{
    return f->frame[number].may_store;
}
bool fake_can_store(const struct fake *f, unsigned int number)
{
    return f->frame[number].s2[PTWR_DATA] == PTWR_RW && f->frame[number].denied == NOT_DENIED;
}

bool fake_may_walk(const struct fake *f, unsigned int number) { return f->frame[number].may_walk; }

/* --- The trace -------------------------------------------------------------------------------- */

#define MAX_EFFECTS 4096

static void record(struct fake *f, enum effect_kind kind, unsigned int frame, unsigned int where,
                   uint64_t value)
{
    if (f->checking)
        return;
    if (f->trace == NULL)
        f->trace = calloc(MAX_EFFECTS, sizeof(*f->trace));
    f->trace[f->effects % MAX_EFFECTS] = (struct effect){kind, frame, where, value};
    f->effects++;
    f->counts[kind]++;
}

void fake_trace_clear(struct fake *f)
{
    f->trace_start = f->effects;
    memset(f->counts, 0, sizeof(f->counts));
}

unsigned int fake_trace_count(const struct fake *f, enum effect_kind kind)
{
    return f->counts[kind];
}

static int print_effect(char *out, size_t size, const struct effect *e)
{
    static const char *const perms[] = {"none", "ro", "rw"};
    static const char *const windows[] = {"data", "walk"};
    unsigned long long value = e->value;

    switch (e->kind) {
    case EFFECT_LOAD:
        return snprintf(out, size, "load %u[%u]; ", e->frame, e->where);
    case EFFECT_READ:
        return snprintf(out, size, "read %u[%u]+%llu; ", e->frame, e->where, value);
    case EFFECT_STORE:
        return snprintf(out, size, "%u[%u]=%#llx; ", e->frame, e->where, value);
    case EFFECT_SNAPSHOT_TAKE:
        return snprintf(out, size, "take %u %u; ", e->where, e->frame);
    case EFFECT_SNAPSHOT_READ:
        return snprintf(out, size, "snapshot %u[%u]+%llu; ", e->frame, e->where, value);
    case EFFECT_COMPARE:
        return snprintf(out, size, "compare %u[%u]; ", e->frame, e->where);
    case EFFECT_S2:
        return snprintf(out, size, "%s %u %s; ", windows[e->where], e->frame, perms[e->value]);
    case EFFECT_DSB_ISHST:
        return snprintf(out, size, "dsb ishst; ");
    case EFFECT_DSB_ISH:
        return snprintf(out, size, "dsb ish; ");
    case EFFECT_ISB:
        return snprintf(out, size, "isb; ");
    case EFFECT_TLBI_IPAS2:
        return snprintf(out, size, "ipas2 %s %u; ", windows[e->where], e->frame);
    case EFFECT_TLBI_VAAE1:
        return snprintf(out, size, "vaae1 %#llx; ", value);
    case EFFECT_TLBI_VMALLE1:
        return snprintf(out, size, "vmalle1; ");
    case EFFECT_TLBI_VMALLS12E1:
        return snprintf(out, size, "vmalls12e1; ");
    case EFFECT_REPEAT:
        return snprintf(out, size, "repeat; ");
    case EFFECT_CLEAN:
        return snprintf(out, size, "clean %u; ", e->frame);
    case EFFECT_KINDS:
        break;
    }
    return 0;
}

static const char *print_trace(struct fake *f, uint64_t from, bool reads)
{
    static char text[65536];
    size_t used = 0;

    if (f->effects - from > MAX_EFFECTS)
        from = f->effects - MAX_EFFECTS;
    text[0] = '\0';
    for (; from < f->effects && used + 64 < sizeof(text); from++) {
        const struct effect *e = &f->trace[from % MAX_EFFECTS];

        if (!reads && (e->kind == EFFECT_LOAD || e->kind == EFFECT_READ ||
                       e->kind == EFFECT_SNAPSHOT_READ || e->kind == EFFECT_COMPARE))
            continue;
        used += (size_t)print_effect(text + used, sizeof(text) - used, e);
    }
    /* Without the last separator. */
    text[used >= 2 ? used - 2 : 0] = '\0';
    return text;
}

const char *fake_trace(struct fake *f) { return print_trace(f, f->trace_start, false); }
const char *fake_trace_all(struct fake *f) { return print_trace(f, f->trace_start, true); }

const char *fake_trace_tail(struct fake *f)
{
    const char *text = print_trace(f, 0, false);
    size_t length = strlen(text);

    return text + (length > 1200 ? length - 1200 : 0);
}

/* --- The port --------------------------------------------------------------------------------- */

/* What EL2 reads must be final: no CPU can change it, no cache line hides another value. */
static void check_read(struct fake *f, unsigned int number, bool single)
{
    const struct fake_frame *frame = &f->frame[number];

    (void)fake_memory(f, number);
    if (fake_record(f, number)->state == FRAME_PLAIN && single)
        return;
    /* A part of a word of code is read to be stored with the rest of it: nothing is judged by it.
     */
    if (fake_record(f, number)->type == FRAME_TEXT && single)
        return;
    if (frame->may_store)
        fake_fail(f, "the engine reads frame %u while a CPU may store to it", number);
    if (!frame->cleaned)
        fake_fail(f, "the engine reads frame %u without cleaning it", number);
}

desc_t ptwr_port_load(void *port, mfn_t table, unsigned int index)
{
    struct fake *f = port;
    unsigned int number = fake_number(table);

    check_read(f, number, true);
    record(f, EFFECT_LOAD, number, index, 0);
    return desc_of(f->frame[number].cached[index]);
}

void ptwr_port_store(void *port, mfn_t table, unsigned int index, desc_t value)
{
    struct fake *f = port;
    unsigned int number = fake_number(table);

    (void)fake_memory(f, number);
    record(f, EFFECT_STORE, number, index, value.raw);
    shadow_engine_store(f, number, index, value.raw);
    f->frame[number].cached[index] = value.raw;
    f->frame[number].dram[index] = value.raw;
    shadow_stored(f, number, index);
}

void ptwr_port_read(void *port, mfn_t table, unsigned int first, unsigned int count, desc_t *out)
{
    struct fake *f = port;
    unsigned int number = fake_number(table);

    check_read(f, number, false);
    record(f, EFFECT_READ, number, first, count);
    assert_true(first + count <= PTWR_ENTRIES);
    for (unsigned int i = 0; i < count; i++)
        out[i] = desc_of(f->frame[number].cached[first + i]);
}

void ptwr_port_snapshot_take(void *port, unsigned int snapshot, mfn_t table)
{
    struct fake *f = port;
    unsigned int number = fake_number(table);

    check_read(f, number, false);
    assert_true(snapshot < PTWR_MAX_SLOTS);
    record(f, EFFECT_SNAPSHOT_TAKE, number, snapshot, 0);
    memcpy(f->snapshot[snapshot], f->frame[number].cached, sizeof(f->snapshot[0]));
}

void ptwr_port_snapshot_read(void *port, unsigned int snapshot, unsigned int first,
                             unsigned int count, desc_t *out)
{
    struct fake *f = port;

    assert_true(snapshot < PTWR_MAX_SLOTS);
    assert_true(first + count <= PTWR_ENTRIES);
    record(f, EFFECT_SNAPSHOT_READ, snapshot, first, count);
    for (unsigned int i = 0; i < count; i++)
        out[i] = desc_of(f->snapshot[snapshot][first + i]);
}

/* A copy: whoever looks at it later than he may sees what was there before. */
struct ptwr_view ptwr_port_view(void *port, unsigned int snapshot, mfn_t table)
{
    static desc_t now[PTWR_ENTRIES], then[PTWR_ENTRIES];

    ptwr_port_read(port, table, 0, PTWR_ENTRIES, now);
    ptwr_port_snapshot_read(port, snapshot, 0, PTWR_ENTRIES, then);
    return (struct ptwr_view){now, then};
}

unsigned int ptwr_port_next_change(void *port, unsigned int snapshot, mfn_t table,
                                   unsigned int from)
{
    struct fake *f = port;
    unsigned int number = fake_number(table);

    check_read(f, number, false);
    assert_true(snapshot < PTWR_MAX_SLOTS);
    record(f, EFFECT_COMPARE, number, from, snapshot);
    while (from < PTWR_ENTRIES && f->frame[number].cached[from] == f->snapshot[snapshot][from])
        from++;
    return from;
}

unsigned int ptwr_port_next_nonzero(void *port, mfn_t table, unsigned int from)
{
    struct fake *f = port;
    unsigned int number = fake_number(table);

    check_read(f, number, false);
    record(f, EFFECT_COMPARE, number, from, PTWR_MAX_SLOTS);
    while (from < PTWR_ENTRIES && f->frame[number].cached[from] == 0)
        from++;
    return from;
}

void ptwr_port_s2_store(void *port, enum ptwr_window window, mfn_t frame, enum ptwr_perm perm)
{
    struct fake *f = port;
    unsigned int number = fake_number(frame);

    (void)fake_memory(f, number);
    record(f, EFFECT_S2, number, window, perm);
    if (window == PTWR_DATA)
        shadow_data(f, number, perm);
    else
        shadow_walk(f, number, perm);
}

void ptwr_port_dsb_ishst(void *port)
{
    record(port, EFFECT_DSB_ISHST, 0, 0, 0);
    shadow_dsb(port, false);
}

void ptwr_port_dsb_ish(void *port)
{
    record(port, EFFECT_DSB_ISH, 0, 0, 0);
    shadow_dsb(port, true);
}

void ptwr_port_isb(void *port) { record(port, EFFECT_ISB, 0, 0, 0); }

void ptwr_port_tlbi_ipas2e1is(void *port, enum ptwr_window window, mfn_t frame)
{
    record(port, EFFECT_TLBI_IPAS2, fake_number(frame), window, 0);
    shadow_ipas2(port, window, fake_number(frame));
}

void ptwr_port_tlbi_vaae1is(void *port, va_t va)
{
    record(port, EFFECT_TLBI_VAAE1, 0, 0, va.raw);
    shadow_vaae1(port, va.raw);
}

void ptwr_port_tlbi_vmalle1is(void *port)
{
    record(port, EFFECT_TLBI_VMALLE1, 0, 0, 0);
    shadow_all(port, false);
}

void ptwr_port_tlbi_vmalls12e1is(void *port)
{
    record(port, EFFECT_TLBI_VMALLS12E1, 0, 0, 0);
    shadow_all(port, true);
}

void ptwr_port_tlbi_repeat(void *port)
{
    record(port, EFFECT_REPEAT, 0, 0, 0);
    shadow_repeat(port);
}

void ptwr_port_dc_civac_page(void *port, mfn_t frame)
{
    struct fake *f = port;
    unsigned int number = fake_number(frame);

    (void)fake_memory(f, number);
    record(f, EFFECT_CLEAN, number, 0, 0);
    /* Worst case: the line was clean, so that what lies behind it wins. */
    memcpy(f->frame[number].cached, f->frame[number].dram, PTWR_ENTRIES * sizeof(uint64_t));
    f->frame[number].nc_dirty = false;
    if (!f->frame[number].may_store)
        f->frame[number].cleaned = true;
}
