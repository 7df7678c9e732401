/* SPDX-License-Identifier: Apache-2.0 */
/* Data processing of A64 (Arm ARM C4.1), as far as loops of exclusives have it. */
#include "core/exclusive.h"

#include "core/decode_field.h"

#define FLAGS BIT64(31) /* in sets of registers; XZR is in none */

#define N BIT64(31)
#define Z BIT64(30)
#define C BIT64(29)
#define V BIT64(28)

struct run {
    uint64_t x[31];
    uint64_t nzcv;
    uint32_t line_writes; /* what the CPU may have written on its way through the line */
    uint32_t written;     /* what this run has written */
    bool known;           /* false: something could not be read or done */
    unsigned int jump;    /* instructions to go forward; 0: to the next */
};

/* What the line writes is only to be read after it was written: before that it is no more what it
 * was when the line began. */
static bool may_read(struct run *run, uint64_t set)
{
    if ((run->line_writes & set & ~(uint64_t)run->written) == 0)
        return true;
    run->known = false;
    return false;
}

static uint64_t width_mask(bool wide) { return wide ? UINT64_MAX : UINT32_MAX; }

static uint64_t read(struct run *run, unsigned int n, bool wide)
{
    if (n == XZR || !may_read(run, BIT64(n)))
        return 0;
    return run->x[n] & width_mask(wide);
}

static void write(struct run *run, unsigned int n, uint64_t value, bool wide)
{
    if (n == XZR)
        return;
    run->x[n] = value & width_mask(wide);
    run->written |= 1U << n;
}

static void write_flags(struct run *run, uint64_t nzcv)
{
    run->nzcv = nzcv;
    run->written |= (uint32_t)FLAGS;
}

static bool is_negative(uint64_t value, bool wide) { return (value >> (wide ? 63 : 31) & 1) != 0; }

static uint64_t flags_of(uint64_t result, bool wide)
{
    return (is_negative(result, wide) ? N : 0) | ((result & width_mask(wide)) == 0 ? Z : 0);
}

/* Arm ARM AddWithCarry(). */
static uint64_t add(struct run *run, uint64_t a, uint64_t b, bool carry, bool wide, bool flags)
{
    uint64_t mask = width_mask(wide);
    uint64_t result = (a + b + (carry ? 1 : 0)) & mask;
    bool carries = carry ? result <= (a & mask) : result < (a & mask);
    bool overflows = is_negative(~(a ^ b) & (a ^ result), wide);

    if (flags)
        write_flags(run, flags_of(result, wide) | (carries ? C : 0) | (overflows ? V : 0));
    return result;
}

static uint64_t rotate(uint64_t value, unsigned int by, unsigned int bits)
{
    uint64_t mask = bits == 64 ? UINT64_MAX : BIT64(bits) - 1;

    value &= mask;
    by %= bits;
    return by == 0 ? value : (value >> by | value << (bits - by)) & mask;
}

static uint64_t shift(uint64_t value, unsigned int kind, unsigned int by, bool wide)
{
    unsigned int bits = wide ? 64 : 32;

    by %= bits;
    switch (kind) {
    case 0:
        return value << by & width_mask(wide);
    case 1:
        return (value & width_mask(wide)) >> by;
    case 2:
        return (uint64_t)(sign_extend(value & width_mask(wide), bits) >> by) & width_mask(wide);
    default:
        return rotate(value, by, bits);
    }
}

static uint64_t ones(unsigned int count) { return count == 64 ? UINT64_MAX : BIT64(count) - 1; }

/* Arm ARM DecodeBitMasks(): a run of ones, rotated, repeated. False: reserved. */
static bool bit_mask(uint32_t insn, bool wide, uint64_t *mask)
{
    unsigned int imms = field(insn, 10, 6), immr = field(insn, 16, 6);
    unsigned int code = field(insn, 22, 1) << 6 | (~imms & 0x3f);
    unsigned int size = 64;
    uint64_t element;

    while (size > 1 && (code & size) == 0)
        size /= 2;
    if (size < 2 || (size == 64 && !wide) || (imms & (size - 1)) == size - 1)
        return false;
    element = rotate(ones((imms & (size - 1)) + 1), immr & (size - 1), size);
    for (*mask = element; size < 64; size *= 2)
        *mask |= *mask << size;
    *mask &= width_mask(wide);
    return true;
}

static void logic(struct run *run, uint32_t insn, uint64_t a, uint64_t b)
{
    bool wide = field(insn, 31, 1) != 0;
    unsigned int op = field(insn, 29, 2);
    uint64_t result = op == 1 ? a | b : op == 2 ? a ^ b : a & b;

    if (op == 3)
        write_flags(run, flags_of(result, wide));
    write(run, field(insn, 0, 5), result, wide);
}

static void add_or_subtract(struct run *run, uint32_t insn, uint64_t a, uint64_t b)
{
    bool wide = field(insn, 31, 1) != 0, subtract = field(insn, 30, 1) != 0;
    uint64_t result =
        add(run, a, subtract ? ~b & width_mask(wide) : b, subtract, wide, field(insn, 29, 1) != 0);

    write(run, field(insn, 0, 5), result, wide);
}

static void move_wide(struct run *run, uint32_t insn)
{
    bool wide = field(insn, 31, 1) != 0;
    unsigned int op = field(insn, 29, 2), rd = field(insn, 0, 5), at = 16 * field(insn, 21, 2);
    uint64_t value = (uint64_t)field(insn, 5, 16) << at;

    if (op == 1 || (!wide && at >= 32)) {
        run->known = false;
        return;
    }
    if (op == 0)
        value = ~value;
    else if (op == 3)
        value |= read(run, rd, wide) & ~((uint64_t)UINT16_MAX << at);
    write(run, rd, value, wide);
}

/* SBFM, BFM, UBFM: a field, moved down (immr <= imms) or up. */
static void bit_field(struct run *run, uint32_t insn)
{
    bool wide = field(insn, 31, 1) != 0;
    unsigned int bits = wide ? 64 : 32, op = field(insn, 29, 2), rd = field(insn, 0, 5);
    unsigned int immr = field(insn, 16, 6), imms = field(insn, 10, 6);
    unsigned int low = immr <= imms ? 0 : bits - immr, width;
    uint64_t value, mask;

    if (op == 3 || field(insn, 22, 1) != field(insn, 31, 1) || immr >= bits || imms >= bits) {
        run->known = false;
        return;
    }
    width = immr <= imms ? imms - immr + 1 : imms + 1;
    mask = ones(width);
    value = read(run, field(insn, 5, 5), wide) >> (immr <= imms ? immr : 0) & mask;
    if (op == 0)
        value = (uint64_t)sign_extend(value, width);
    value <<= low;
    if (op == 1)
        value |= read(run, rd, wide) & ~(mask << low);
    write(run, rd, value, wide);
}

static void extract(struct run *run, uint32_t insn)
{
    bool wide = field(insn, 31, 1) != 0;
    unsigned int low = field(insn, 10, 6), bits = wide ? 64 : 32;
    uint64_t high = read(run, field(insn, 5, 5), wide), value = read(run, field(insn, 16, 5), wide);

    if (low >= bits || field(insn, 22, 1) != field(insn, 31, 1)) {
        run->known = false;
        return;
    }
    if (low != 0)
        value = value >> low | high << (bits - low);
    write(run, field(insn, 0, 5), value, wide);
}

static bool holds(struct run *run, unsigned int condition)
{
    uint64_t f = run->nzcv;
    bool n = (f & N) != 0, z = (f & Z) != 0, c = (f & C) != 0, v = (f & V) != 0;
    bool result = true; /* AL, NV */

    (void)may_read(run, FLAGS);
    switch (condition >> 1) {
    case 0:
        result = z;
        break;
    case 1:
        result = c;
        break;
    case 2:
        result = n;
        break;
    case 3:
        result = v;
        break;
    case 4:
        result = c && !z;
        break;
    case 5:
        result = n == v;
        break;
    case 6:
        result = n == v && !z;
        break;
    default:
        return true;
    }
    return (condition & 1) != 0 ? !result : result;
}

/* CSEL, CSINC, CSINV, CSNEG. */
static void select(struct run *run, uint32_t insn)
{
    bool wide = field(insn, 31, 1) != 0;
    uint64_t value = read(run, field(insn, 5, 5), wide),
             other = read(run, field(insn, 16, 5), wide);

    if (!holds(run, field(insn, 12, 4))) {
        value = field(insn, 30, 1) != 0 ? ~other : other;
        value += field(insn, 10, 1);
    }
    write(run, field(insn, 0, 5), value, wide);
}

static void by_register(struct run *run, uint32_t insn)
{
    bool wide = field(insn, 31, 1) != 0;
    unsigned int kind = field(insn, 22, 2), by = field(insn, 10, 6);
    uint64_t a = read(run, field(insn, 5, 5), wide), b = read(run, field(insn, 16, 5), wide);

    if (match(insn, 0x1f000000, 0x0a000000) && (wide || by < 32)) {
        b = shift(b, kind, by, wide);
        logic(run, insn, a, field(insn, 21, 1) != 0 ? ~b : b);
    } else if (match(insn, 0x1f200000, 0x0b000000) && kind != 3 && (wide || by < 32)) {
        add_or_subtract(run, insn, a, shift(b, kind, by, wide));
    } else if (match(insn, 0x3fe00800, 0x1a800000)) {
        select(run, insn);
    } else if (match(insn, 0x7fe0f000, 0x1ac02000)) { /* LSLV, LSRV, ASRV, RORV */
        write(run, field(insn, 0, 5), shift(a, field(insn, 10, 2), (unsigned int)(b & 63), wide),
              wide);
    } else {
        run->known = false;
    }
}

/* Not with SP: it is no register of the line. */
static void by_immediate(struct run *run, uint32_t insn)
{
    bool wide = field(insn, 31, 1) != 0, flags = field(insn, 29, 1) != 0;
    unsigned int rd = field(insn, 0, 5), rn = field(insn, 5, 5);
    uint64_t immediate = (uint64_t)field(insn, 10, 12) << (12 * field(insn, 22, 1));

    if (match(insn, 0x1f800000, 0x11000000) && rn != XZR && (rd != XZR || flags))
        add_or_subtract(run, insn, read(run, rn, wide), immediate);
    else if (match(insn, 0x1f800000, 0x12000000) && (rd != XZR || field(insn, 29, 2) == 3) &&
             bit_mask(insn, wide, &immediate))
        logic(run, insn, read(run, rn, wide), immediate);
    else if (match(insn, 0x1f800000, 0x12800000))
        move_wide(run, insn);
    else if (match(insn, 0x1f800000, 0x13000000))
        bit_field(run, insn);
    else if (match(insn, 0x7fa00000, 0x13800000))
        extract(run, insn);
    else
        run->known = false;
}

/* Forward only. False: the word is no branch. */
static bool by_branch(struct run *run, uint32_t insn)
{
    unsigned int to = field(insn, 5, 19);
    bool taken;

    if (match(insn, 0xff000010, 0x54000000)) { /* B.cond */
        taken = holds(run, field(insn, 0, 4));
    } else if (match(insn, 0x7e000000, 0x34000000)) { /* CBZ, CBNZ */
        taken = (read(run, field(insn, 0, 5), field(insn, 31, 1) != 0) != 0) ==
                (field(insn, 24, 1) != 0);
    } else if (match(insn, 0x7e000000, 0x36000000)) { /* TBZ, TBNZ */
        unsigned int bit = field(insn, 31, 1) << 5 | field(insn, 19, 5);

        taken = (read(run, field(insn, 0, 5), true) >> bit & 1) == field(insn, 24, 1);
        to = field(insn, 5, 14);
        if (field(insn, 18, 1) != 0)
            to = 0;
    } else {
        return false;
    }
    if (to == 0 || (to & BIT64(18)) != 0)
        run->known = false;
    run->jump = taken ? to : 0;
    return true;
}

#define NOP 0xd503201f

static void step(struct run *run, uint32_t insn)
{
    run->jump = 0;
    if (insn == NOP || by_branch(run, insn))
        return;
    if (match(insn, 0x1c000000, 0x10000000))
        by_immediate(run, insn);
    else if (match(insn, 0x0e000000, 0x0a000000))
        by_register(run, insn);
    else
        run->known = false;
}

/* --- The line ----------------------------------------------------------------------------------
 */

static uint32_t set_of(unsigned int n) { return n == XZR ? 0 : 1U << n; }

static bool sets_flags(uint32_t insn)
{
    if (match(insn, 0x1f800000, 0x11000000) || match(insn, 0x1f000000, 0x0b000000))
        return field(insn, 29, 1) != 0;
    if (match(insn, 0x1f800000, 0x12000000) || match(insn, 0x1f000000, 0x0a000000))
        return field(insn, 29, 2) == 3;
    return false;
}

/* What an instruction writes, if step() knows it; branches write nothing. */
static uint32_t writes(uint32_t insn)
{
    if (!match(insn, 0x1c000000, 0x10000000) && !match(insn, 0x0e000000, 0x0a000000))
        return 0;
    return set_of(field(insn, 0, 5)) | (sets_flags(insn) ? (uint32_t)FLAGS : 0);
}

static bool is_load_of(uint32_t insn, const struct store_insn *store)
{
    return match(insn, 0x3fe07c00, 0x08407c00) && field(insn, 5, 5) == store->rn &&
           1U << field(insn, 30, 2) == store->size;
}

/* The place of the load-exclusive in `before`; count: there is none. *written: by the line. */
static unsigned int find_load(const struct store_insn *store, const uint32_t *before,
                              unsigned int count, uint32_t *written)
{
    *written = 0;
    for (unsigned int i = 0; i < count; i++) {
        if (is_load_of(before[i], store)) {
            *written |= set_of(field(before[i], 0, 5));
            return i;
        }
        *written |= writes(before[i]);
    }
    return count;
}

/* From the instruction after the load on; the store is never jumped over. */
static void run_line(struct run *run, const uint32_t *before, unsigned int at)
{
    while (at > 0 && run->known) {
        step(run, before[at - 1]);
        if (run->jump > at)
            run->known = false;
        else
            at -= run->jump == 0 ? 1 : run->jump;
    }
}

static bool is_same(const struct run *run, const uint64_t x[31], uint64_t nzcv)
{
    for (unsigned int n = 0; n < 31; n++) {
        if (run->x[n] != x[n])
            return false;
    }
    return run->nzcv == nzcv;
}

bool exclusive_holds(const struct store_insn *store, const uint32_t *before, unsigned int count,
                     uint64_t memory, const uint64_t x[31], uint64_t nzcv)
{
    struct run run = {.nzcv = nzcv, .known = true};
    unsigned int load = find_load(store, before, count, &run.line_writes);

    /* The base has to be what it was at the load, too. */
    if (load == count || store->rn == XZR || (run.line_writes & set_of(store->rn)) != 0)
        return false;
    for (unsigned int n = 0; n < 31; n++)
        run.x[n] = x[n];
    write(&run, field(before[load], 0, 5), memory, store->size == 8);
    run_line(&run, before, load);
    /* What it leaves alone today the CPU may have written. */
    return run.known && run.written == run.line_writes && is_same(&run, x, nzcv);
}
