/* SPDX-License-Identifier: Apache-2.0 */
#include "common/print.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/string.h"

struct line {
    char text[256];
    size_t length;
};

struct field {
    bool zero;
    bool is_long;
    unsigned int width;
};

static void put(struct line *line, char c)
{
    if (line->length < sizeof(line->text) - 1)
        line->text[line->length++] = c;
}

static void put_padded(struct line *line, const struct field *field, const char *text,
                       size_t length, char sign)
{
    size_t used = length + (sign != '\0');

    if (sign != '\0' && field->zero)
        put(line, sign);
    for (; used < field->width; used++)
        put(line, field->zero ? '0' : ' ');
    if (sign != '\0' && !field->zero)
        put(line, sign);
    for (size_t i = 0; i < length; i++)
        put(line, text[i]);
}

static void put_number(struct line *line, const struct field *field, uint64_t value,
                       unsigned int base, char sign)
{
    char digits[20];
    size_t start = sizeof(digits);

    do {
        digits[--start] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put_padded(line, field, &digits[start], sizeof(digits) - start, sign);
}

static void put_signed(struct line *line, const struct field *field, int64_t value)
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;

    put_number(line, field, magnitude, 10, value < 0 ? '-' : '\0');
}

static const char *parse_field(const char *p, struct field *field)
{
    *field = (struct field){0};
    if (*p == '0') {
        field->zero = true;
        p++;
    }
    for (; *p >= '0' && *p <= '9'; p++)
        field->width = field->width * 10 + (unsigned int)(*p - '0');
    if (*p == 'l') {
        field->is_long = true;
        p++;
    }
    return p;
}

static void convert(struct line *line, const struct field *field, char type, va_list *args)
{
    const char *text;

    switch (type) {
    case 's':
        text = va_arg(*args, const char *);
        put_padded(line, field, text, strlen(text), '\0');
        return;
    case 'c':
        put(line, (char)va_arg(*args, int));
        return;
    case 'd':
        put_signed(line, field, field->is_long ? va_arg(*args, int64_t) : va_arg(*args, int));
        return;
    case 'u':
    case 'x':
        put_number(line, field,
                   field->is_long ? va_arg(*args, uint64_t) : va_arg(*args, unsigned int),
                   type == 'x' ? 16 : 10, '\0');
        return;
    case 'p':
        put(line, '0');
        put(line, 'x');
        put_number(line, field, (uint64_t)(uintptr_t)va_arg(*args, void *), 16, '\0');
        return;
    default:
        put(line, type);
        return;
    }
}

void print(const char *format, ...)
{
    struct line line = {.length = 0};
    va_list args;

    va_start(args, format);
    for (const char *p = format; *p != '\0'; p++) {
        struct field field;

        if (*p != '%') {
            put(&line, *p);
            continue;
        }
        p = parse_field(p + 1, &field);
        if (*p == '\0')
            break;
        convert(&line, &field, *p, &args);
    }
    va_end(args);
    console_write(line.text, line.length);
}
