/* SPDX-License-Identifier: Apache-2.0 */
/* A64 "Loads and stores" (Arm ARM C4.1), the part that writes general-purpose registers. */
#include "core/decode.h"

#include "core/decode_field.h"

/* STR with unsigned offset, STUR, STTR, pre- and post-index. */
static bool decode_immediate(uint32_t insn, struct store_insn *out)
{
    static const enum store_index index[] = {INDEX_NONE, INDEX_POST, INDEX_NONE, INDEX_PRE};
    unsigned int form = field(insn, 10, 2);

    if (match(insn, 0x3fc00000, 0x39000000)) {
        out->offset = (int64_t)field(insn, 10, 12) * out->size;
        out->index = INDEX_NONE;
    } else if (match(insn, 0x3fe00000, 0x38000000)) {
        out->offset = sign_extend(field(insn, 12, 9), 9);
        out->index = index[form];
    } else if (match(insn, 0x3fe00c00, 0x19000000)) { /* STLUR */
        out->offset = sign_extend(field(insn, 12, 9), 9);
        out->index = INDEX_NONE;
        out->ordered = true;
    } else {
        return false;
    }
    out->kind = STORE_PLAIN;
    return true;
}

static bool decode_register(uint32_t insn, struct store_insn *out)
{
    if (!match(insn, 0x3fe00c00, 0x38200800))
        return false;
    out->extend = (uint8_t)field(insn, 13, 3);
    if ((out->extend & 2) == 0) /* unallocated */
        return false;
    out->rm = (uint8_t)field(insn, 16, 5);
    out->shift = field(insn, 12, 1) != 0 ? (uint8_t)field(insn, 30, 2) : 0;
    out->index = INDEX_REGISTER;
    out->kind = STORE_PLAIN;
    return true;
}

static bool decode_atomic_op(uint32_t insn, struct store_insn *out)
{
    unsigned int op = field(insn, 12, 3);

    if (!match(insn, 0x3f200c00, 0x38200000))
        return false;
    if (field(insn, 15, 1) != 0) {
        if (op != 0)
            return false;
        out->op = ATOMIC_SWP;
    } else {
        out->op = (enum store_atomic)op;
    }
    out->rs = (uint8_t)field(insn, 16, 5);
    out->ordered = field(insn, 22, 2) != 0;
    out->kind = STORE_ATOMIC;
    return true;
}

static bool decode_pair(uint32_t insn, struct store_insn *out)
{
    static const enum store_index index[] = {INDEX_NONE, INDEX_POST, INDEX_NONE, INDEX_PRE};
    unsigned int width = field(insn, 30, 2);

    if (!match(insn, 0x3e400000, 0x28000000) || (width & 1) != 0)
        return false;
    out->size = width == 0 ? 4 : 8;
    out->rt2 = (uint8_t)field(insn, 10, 5);
    out->offset = sign_extend(field(insn, 15, 7), 7) * out->size;
    out->index = index[field(insn, 23, 2)];
    out->kind = STORE_PAIR;
    return true;
}

/* STXR, STLXR, STLR, STLLR, CAS: "Load/store exclusive" and its neighbours. */
static bool decode_ordered(uint32_t insn, struct store_insn *out)
{
    if (!match(insn, 0x3f000000, 0x08000000))
        return false;
    out->rs = (uint8_t)field(insn, 16, 5);
    out->ordered = field(insn, 15, 1) != 0;
    if (match(insn, 0x00e00000, 0x00000000)) {
        out->kind = STORE_EXCLUSIVE;
    } else if (match(insn, 0x00e00000, 0x00800000)) {
        out->kind = STORE_PLAIN;
        out->ordered = true; /* STLLR too */
    } else if (match(insn, 0x00a07c00, 0x00a07c00)) {
        out->kind = STORE_CAS;
        out->ordered = out->ordered || field(insn, 22, 1) != 0;
    } else {
        return false; /* loads, STXP, CASP */
    }
    return true;
}

void decode_store(uint32_t insn, struct store_insn *out)
{
    *out = (struct store_insn){
        .size = (uint8_t)(1U << field(insn, 30, 2)),
        .rt = (uint8_t)field(insn, 0, 5),
        .rn = (uint8_t)field(insn, 5, 5),
    };
    if (decode_immediate(insn, out) || decode_register(insn, out) || decode_atomic_op(insn, out) ||
        decode_pair(insn, out) || decode_ordered(insn, out) || decode_vector(insn, out))
        return;
    out->kind = STORE_OPAQUE;
}

static uint64_t extend(uint64_t value, unsigned int option)
{
    switch (option) {
    case 2: /* UXTW */
        return (uint32_t)value;
    case 6: /* SXTW */
        return (uint64_t)sign_extend((uint32_t)value, 32);
    default: /* LSL, SXTX */
        return value;
    }
}

uint64_t decode_address(const struct store_insn *insn, const uint64_t x[31], uint64_t sp)
{
    uint64_t zero = insn->kind == STORE_ZERO ? 0 : sp;
    uint64_t base = insn->rn == XZR ? zero : x[insn->rn];
    uint64_t rm;

    switch (insn->index) {
    case INDEX_POST:
    case INDEX_POST_RM:
        return base;
    case INDEX_REGISTER:
        rm = insn->rm == XZR ? 0 : x[insn->rm];
        return base + (extend(rm, insn->extend) << insn->shift);
    case INDEX_NONE:
    case INDEX_PRE:
    default:
        return base + (uint64_t)insn->offset;
    }
}

uint64_t decode_writeback(const struct store_insn *insn, const uint64_t x[31])
{
    switch (insn->index) {
    case INDEX_PRE:
    case INDEX_POST:
        return (uint64_t)insn->offset;
    case INDEX_POST_RM:
        return x[insn->rm];
    case INDEX_NONE:
    case INDEX_REGISTER:
    default:
        return 0;
    }
}

uint64_t decode_atomic(enum store_atomic op, unsigned int size, uint64_t old, uint64_t operand)
{
    unsigned int bits = size * 8;
    uint64_t mask = bits == 64 ? UINT64_MAX : BIT64(bits) - 1;
    uint64_t a = old & mask;
    uint64_t b = operand & mask;
    bool less = sign_extend(a, bits) < sign_extend(b, bits);

    switch (op) {
    case ATOMIC_ADD:
        return (a + b) & mask;
    case ATOMIC_CLR:
        return a & ~b;
    case ATOMIC_EOR:
        return a ^ b;
    case ATOMIC_SET:
        return a | b;
    case ATOMIC_SMAX:
        return less ? b : a;
    case ATOMIC_SMIN:
        return less ? a : b;
    case ATOMIC_UMAX:
        return a < b ? b : a;
    case ATOMIC_UMIN:
        return a < b ? a : b;
    case ATOMIC_SWP:
    default:
        return b;
    }
}

/* A branch out of the line that is taken or not: it changes no register. */
static bool is_forward_branch(uint32_t insn)
{
    if (match(insn, 0xff000010, 0x54000000) || match(insn, 0x7e000000, 0x34000000))
        return field(insn, 23, 1) == 0; /* B.cond, CBZ, CBNZ: sign of imm19 */
    if (match(insn, 0x7e000000, 0x36000000))
        return field(insn, 18, 1) == 0; /* TBZ, TBNZ: sign of imm14 */
    return false;
}

/* Data processing, immediate or register: writes Rd at most (31 is XZR or SP, never the base's
 * problem: a base of SP is refused). */
static bool is_data_processing(uint32_t insn)
{
    return match(insn, 0x1c000000, 0x10000000) || match(insn, 0x0e000000, 0x0a000000);
}

bool decode_exclusive(const struct store_insn *store, const uint32_t *before, unsigned int count,
                      unsigned int *loaded)
{
    uint32_t written = 0;

    if (store->rn == XZR)
        return false;
    for (unsigned int i = 0; i < count && i < DECODE_WINDOW; i++) {
        uint32_t insn = before[i];

        if (match(insn, 0x3fe07c00, 0x08407c00)) { /* LDXR, LDAXR */
            unsigned int rt = field(insn, 0, 5);
            bool same = field(insn, 5, 5) == store->rn && 1U << field(insn, 30, 2) == store->size;

            *loaded = rt;
            return same && rt != XZR && rt != store->rn && (written & (1U << rt)) == 0 &&
                   (written & (1U << store->rn)) == 0;
        }
        if (is_data_processing(insn))
            written |= 1U << field(insn, 0, 5);
        else if (!is_forward_branch(insn))
            return false;
    }
    return false;
}
