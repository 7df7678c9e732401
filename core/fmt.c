/* SPDX-License-Identifier: Apache-2.0 */
/* The formatting of printk() and of reports. Pure; also built on the host. */
#include "core/fmt.h"

#include <stdbool.h>
#include <stdint.h>

struct sink {
    char *to;
    size_t size;
    size_t length;
};

struct spec {
    bool left, zero, alternate;
    unsigned int width;
    unsigned int precision;
    bool has_precision;
    bool is_long;
};

static void put(struct sink *sink, char c)
{
    if (sink->length + 1 < sink->size)
        sink->to[sink->length++] = c;
}

static void put_field(struct sink *sink, const struct spec *spec, const char *prefix,
                      const char *text, size_t length)
{
    size_t total = length;
    char fill = spec->zero && !spec->left ? '0' : ' ';

    for (const char *p = prefix; *p != '\0'; p++)
        total++;
    if (fill == ' ' && !spec->left) {
        for (size_t i = total; i < spec->width; i++)
            put(sink, ' ');
    }
    while (*prefix != '\0')
        put(sink, *prefix++);
    if (fill == '0') {
        for (size_t i = total; i < spec->width; i++)
            put(sink, '0');
    }
    for (size_t i = 0; i < length; i++)
        put(sink, text[i]);
    if (spec->left) {
        for (size_t i = total; i < spec->width; i++)
            put(sink, ' ');
    }
}

static void put_number(struct sink *sink, const struct spec *spec, uint64_t value,
                       unsigned int base, const char *prefix)
{
    char digits[20];
    size_t start = sizeof(digits);

    do {
        digits[--start] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put_field(sink, spec, prefix, &digits[start], sizeof(digits) - start);
}

static void put_text(struct sink *sink, const struct spec *spec, const char *text)
{
    size_t length = 0;

    if (text == NULL)
        text = "(none)";
    while (text[length] != '\0' && !(spec->has_precision && length == spec->precision))
        length++;
    put_field(sink, spec, "", text, length);
}

static const char *parse_number(const char *p, unsigned int *value)
{
    *value = 0;
    while (*p >= '0' && *p <= '9')
        *value = *value * 10 + (unsigned int)(*p++ - '0');
    return p;
}

static const char *parse_spec(const char *p, struct spec *spec)
{
    *spec = (struct spec){0};
    for (;; p++) {
        if (*p == '-')
            spec->left = true;
        else if (*p == '0')
            spec->zero = true;
        else if (*p == '#')
            spec->alternate = true;
        else
            break;
    }
    p = parse_number(p, &spec->width);
    if (*p == '.') {
        spec->has_precision = true;
        p = parse_number(p + 1, &spec->precision);
    }
    for (; *p == 'l' || *p == 'z'; p++)
        spec->is_long = true;
    return p;
}

/* One conversion; args is a pointer so that what it takes is taken for the caller too. */
static void convert(struct sink *sink, const struct spec *spec, char type, va_list *args)
{
    char c;
    int64_t value;

    switch (type) {
    case 'c':
        c = (char)va_arg(*args, int);
        put_field(sink, spec, "", &c, 1);
        return;
    case 's':
        put_text(sink, spec, va_arg(*args, const char *));
        return;
    case 'd':
    case 'i':
        value = spec->is_long ? va_arg(*args, int64_t) : va_arg(*args, int);
        put_number(sink, spec, value < 0 ? -(uint64_t)value : (uint64_t)value, 10,
                   value < 0 ? "-" : "");
        return;
    case 'u':
        put_number(sink, spec,
                   spec->is_long ? va_arg(*args, uint64_t) : va_arg(*args, unsigned int), 10, "");
        return;
    case 'x':
        put_number(sink, spec,
                   spec->is_long ? va_arg(*args, uint64_t) : va_arg(*args, unsigned int), 16,
                   spec->alternate ? "0x" : "");
        return;
    case 'p':
        put_number(sink, spec, (uint64_t)(uintptr_t)va_arg(*args, void *), 16, "0x");
        return;
    default:
        put(sink, '%');
        if (type != '%')
            put(sink, type);
        return;
    }
}

size_t format_string(char *to, size_t size, const char *format, va_list args)
{
    struct sink sink = {.to = to, .size = size};
    va_list rest;

    va_copy(rest, args);
    for (const char *p = format; *p != '\0'; p++) {
        struct spec spec;

        if (*p != '%') {
            put(&sink, *p);
            continue;
        }
        p = parse_spec(p + 1, &spec);
        if (*p == '\0')
            break;
        convert(&sink, &spec, *p, &rest);
    }
    va_end(rest);
    if (size != 0)
        to[sink.length] = '\0';
    return sink.length;
}

size_t format_to(char *to, size_t size, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
    length = format_string(to, size, format, args);
    va_end(args);
    return length;
}
