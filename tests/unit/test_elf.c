/* SPDX-License-Identifier: Apache-2.0 */
/* core/elf.c: nothing in a file is believed before it was checked against the file's size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/elf.h"

struct file {
    struct elf64_header header;
    struct elf64_segment segment[2];
    uint8_t data[64];
};

static struct file good(void)
{
    struct file f = {
        .header = {.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
                   .type = 2,
                   .machine = 183,
                   .entry = 0x40001010,
                   .phoff = offsetof(struct file, segment),
                   .phentsize = sizeof(struct elf64_segment),
                   .phnum = 2},
        .segment = {{.type = ELF_PT_LOAD,
                     .offset = offsetof(struct file, data),
                     .vaddr = 0x40001000,
                     .paddr = 0x40001000,
                     .filesz = 64,
                     .memsz = 64},
                    {.type = ELF_PT_LOAD, .vaddr = 0x40003000, .paddr = 0x40003000, .memsz = 4096}},
    };

    return f;
}

static const char *inspect(struct file *f)
{
    struct elf_info info;

    return elf_inspect(f, sizeof(*f), &info);
}

static void finds_the_extent_of_all_segments(void **state)
{
    struct file f = good();
    struct elf_info info;

    (void)state;
    assert_null(elf_inspect(&f, sizeof(f), &info));
    assert_int_equal(info.entry, 0x40001010);
    assert_int_equal(info.vaddr_low, 0x40001000);
    assert_int_equal(info.vaddr_high, 0x40004000);
    assert_int_equal(info.paddr_high, 0x40004000);
}

static void refuses_what_is_no_arm64_executable(void **state)
{
    struct file f = good();

    (void)state;
    f.header.machine = 62;
    assert_string_equal(inspect(&f), "not for AArch64");
    f = good();
    f.header.ident[4] = 1;
    assert_string_equal(inspect(&f), "not 64-bit little-endian");
    f = good();
    f.header.ident[5] = 2;
    assert_string_equal(inspect(&f), "not 64-bit little-endian");
    f = good();
    f.header.type = 1;
    assert_string_equal(inspect(&f), "not an executable");
}

static void refuses_a_file_shorter_than_its_header(void **state)
{
    struct file f = good();
    struct elf_info info;

    (void)state;
    assert_non_null(elf_inspect(&f, sizeof(f.header) - 1, &info));
    assert_non_null(elf_inspect(&f, 3, &info));
    assert_false(elf_is(&f, 3));
}

static void refuses_program_headers_outside_the_file(void **state)
{
    struct file f = good();

    (void)state;
    f.header.phoff = sizeof(f) - 8;
    assert_string_equal(inspect(&f), "program headers lie outside the file");
    f.header.phoff = UINT64_MAX - 7;
    assert_string_equal(inspect(&f), "program headers lie outside the file");
    f = good();
    f.header.phoff = 4;
    assert_string_equal(inspect(&f), "program headers lie outside the file");
    f = good();
    f.header.phnum = 0;
    assert_string_equal(inspect(&f), "no program headers");
}

static void refuses_segments_outside_the_file_or_the_address_space(void **state)
{
    struct file f = good();

    (void)state;
    f.segment[0].offset = sizeof(f) - 63;
    assert_string_equal(inspect(&f), "a segment lies outside the file");
    f.segment[0].offset = UINT64_MAX;
    assert_string_equal(inspect(&f), "a segment lies outside the file");
    f = good();
    f.segment[0].memsz = 63;
    assert_string_equal(inspect(&f), "a segment is larger in the file than in memory");
    f = good();
    f.segment[1].vaddr = UINT64_MAX - 100;
    assert_string_equal(inspect(&f), "a segment wraps around the address space");
    f = good();
    f.segment[1].paddr = UINT64_MAX - 100;
    assert_string_equal(inspect(&f), "a segment wraps around the address space");
}

static void refuses_an_entry_point_in_no_segment(void **state)
{
    struct file f = good();

    (void)state;
    f.header.entry = 0x40002000;
    assert_string_equal(inspect(&f), "the entry point is in no loadable segment");
    f.segment[0].type = 0;
    f.segment[1].type = 0;
    assert_string_equal(inspect(&f), "no loadable segment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_extent_of_all_segments),
        cmocka_unit_test(refuses_what_is_no_arm64_executable),
        cmocka_unit_test(refuses_a_file_shorter_than_its_header),
        cmocka_unit_test(refuses_program_headers_outside_the_file),
        cmocka_unit_test(refuses_segments_outside_the_file_or_the_address_space),
        cmocka_unit_test(refuses_an_entry_point_in_no_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
