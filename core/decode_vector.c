/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A64 stores that are no single access to one entry: of vector registers (Arm ARM C4.1, "Advanced
 * SIMD load/store" and the V = 1 forms of "Loads and stores"), DC ZVA; and the bytes that stores
 * put into memory.
 */
#include "core/decode_field.h"

#define QUAD 16U

/* opc<1> chooses Q, which has no other size. */
static bool decode_size(uint32_t insn, struct store_insn *out)
{
    bool quad = field(insn, 23, 1) != 0;

    if (quad && field(insn, 30, 2) != 0)
        return false;
    out->size = (uint8_t)(quad ? QUAD : 1U << field(insn, 30, 2));
    out->count = 1;
    out->kind = STORE_VECTOR;
    return true;
}

/* STR with unsigned offset, STUR, pre- and post-index, register offset. */
static bool decode_register(uint32_t insn, struct store_insn *out)
{
    static const enum store_index index[] = {INDEX_NONE, INDEX_POST, INDEX_NONE, INDEX_PRE};
    unsigned int form = field(insn, 10, 2);

    if (!decode_size(insn, out))
        return false;
    if (match(insn, 0x3f400000, 0x3d000000)) {
        out->offset = (int64_t)field(insn, 10, 12) * out->size;
        out->index = INDEX_NONE;
    } else if (match(insn, 0x3f600000, 0x3c000000) && form != 2) {
        out->offset = sign_extend(field(insn, 12, 9), 9);
        out->index = index[form];
    } else if (match(insn, 0x3f600c00, 0x3c200800) && field(insn, 14, 1) != 0) {
        unsigned int scale = out->size == QUAD ? 4 : field(insn, 30, 2);

        out->extend = (uint8_t)field(insn, 13, 3);
        out->rm = (uint8_t)field(insn, 16, 5);
        out->shift = field(insn, 12, 1) != 0 ? (uint8_t)scale : 0;
        out->index = INDEX_REGISTER;
    } else {
        return false;
    }
    return true;
}

static bool decode_pair(uint32_t insn, struct store_insn *out)
{
    static const enum store_index index[] = {INDEX_NONE, INDEX_POST, INDEX_NONE, INDEX_PRE};
    unsigned int width = field(insn, 30, 2);

    if (!match(insn, 0x3e400000, 0x2c000000) || width == 3)
        return false;
    out->size = (uint8_t)(4U << width);
    out->count = 2;
    out->rt2 = (uint8_t)field(insn, 10, 5);
    out->offset = sign_extend(field(insn, 15, 7), 7) * out->size;
    out->index = index[field(insn, 23, 2)];
    out->kind = STORE_VECTOR;
    return true;
}

/* Post-index: by a register, or by as many bytes as were stored. */
static void decode_post_index(uint32_t insn, struct store_insn *out)
{
    out->index = INDEX_NONE;
    if (field(insn, 23, 1) == 0)
        return;
    out->rm = (uint8_t)field(insn, 16, 5);
    out->index = out->rm == XZR ? INDEX_POST : INDEX_POST_RM;
    out->offset = out->repeat * out->elements * out->count * out->size;
}

/* ST1 to ST4, multiple structures. */
static bool decode_multiple(uint32_t insn, struct store_insn *out)
{
    /* By opcode: how often, and of how many registers a structure is. 0: no such opcode. */
    static const uint8_t repeat[16] = {1, 0, 4, 0, 1, 0, 3, 1, 1, 0, 2};
    static const uint8_t count[16] = {4, 0, 1, 0, 3, 0, 1, 1, 2, 0, 1};
    unsigned int opcode = field(insn, 12, 4);
    unsigned int bytes = field(insn, 30, 1) != 0 ? 16 : 8;

    if (!match(insn, 0xbfff0000, 0x0c000000) && !match(insn, 0xbfe00000, 0x0c800000))
        return false;
    out->size = (uint8_t)(1U << field(insn, 10, 2));
    out->repeat = repeat[opcode];
    out->count = count[opcode];
    out->elements = (uint8_t)(bytes / out->size);
    out->kind = STORE_STRUCTURE;
    decode_post_index(insn, out);
    return out->repeat != 0 && (out->elements > 1 || out->count == 1);
}

/* ST1 to ST4, single structure. */
static bool decode_single(uint32_t insn, struct store_insn *out)
{
    unsigned int scale = field(insn, 14, 2);
    unsigned int number = field(insn, 30, 1) << 3 | field(insn, 10, 3); /* Q:S:size */

    if (!match(insn, 0xbfdf0000, 0x0d000000) && !match(insn, 0xbfc00000, 0x0d800000))
        return false;
    if (scale == 2 && (number & 3) == 1)
        scale = 3;
    else if (scale == 3) /* loads only */
        return false;
    /* What is below the element's number has to be 0, but for the 1 that tells 8 bytes from 4. */
    if ((number & ((1U << scale) - 1)) != (scale == 3 ? 1 : 0))
        return false;
    out->size = (uint8_t)(1U << scale);
    out->repeat = 1;
    out->elements = 1;
    out->count = (uint8_t)((field(insn, 13, 1) << 1 | field(insn, 21, 1)) + 1);
    out->first = (uint8_t)(number >> scale);
    out->kind = STORE_STRUCTURE;
    decode_post_index(insn, out);
    return true;
}

static bool decode_zero(uint32_t insn, struct store_insn *out)
{
    if (!match(insn, 0xffffffe0, 0xd50b7420))
        return false;
    out->rn = (uint8_t)field(insn, 0, 5);
    out->size = 0;
    out->index = INDEX_NONE;
    out->kind = STORE_ZERO;
    return true;
}

bool decode_vector(uint32_t insn, struct store_insn *out)
{
    return decode_register(insn, out) || decode_pair(insn, out) || decode_multiple(insn, out) ||
           decode_single(insn, out) || decode_zero(insn, out);
}

/* --- What they store -------------------------------------------------------------------------- */

static unsigned int put(uint8_t *out, uint64_t value, unsigned int size)
{
    for (unsigned int i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    return size;
}

/* `size` bytes of register n from byte `at` on. */
static unsigned int put_vector(uint8_t *out, const uint64_t q[64], unsigned int n, unsigned int at,
                               unsigned int size)
{
    for (unsigned int i = 0; i < size; i++, at++)
        out[i] = (uint8_t)(q[2 * (n % 32) + at / 8] >> (8 * (at % 8)));
    return size;
}

static unsigned int put_structures(uint8_t *out, const struct store_insn *insn,
                                   const uint64_t q[64])
{
    unsigned int done = 0;

    for (unsigned int r = 0; r < insn->repeat; r++) {
        for (unsigned int e = insn->first; e < (unsigned int)insn->first + insn->elements; e++) {
            for (unsigned int c = 0; c < insn->count; c++)
                done += put_vector(out + done, q, insn->rt + r + c, e * insn->size, insn->size);
        }
    }
    return done;
}

unsigned int decode_bytes(const struct store_insn *insn, const uint64_t x[31], const uint64_t q[64],
                          uint8_t out[DECODE_BYTES])
{
    uint64_t first = insn->rt == XZR ? 0 : x[insn->rt];
    uint64_t second = insn->rt2 == XZR ? 0 : x[insn->rt2];
    unsigned int done;

    switch (insn->kind) {
    case STORE_PLAIN:
        return put(out, first, insn->size);
    case STORE_PAIR:
        done = put(out, first, insn->size);
        return done + put(out + done, second, insn->size);
    case STORE_VECTOR:
        done = put_vector(out, q, insn->rt, 0, insn->size);
        return insn->count == 1 ? done : done + put_vector(out + done, q, insn->rt2, 0, insn->size);
    case STORE_STRUCTURE:
        return put_structures(out, insn, q);
    case STORE_ZERO: /* as many as the CPU likes */
    case STORE_OPAQUE:
    case STORE_EXCLUSIVE:
    case STORE_CAS:
    case STORE_ATOMIC:
    default:
        return 0;
    }
}
