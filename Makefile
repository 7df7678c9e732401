# The one entry point: `make help` lists the targets. Everything that is made goes to build/.
#
#   CROSS_COMPILE=aarch64-none-elf-   another toolchain for the target
#   DEBUG=1                           assertions
#   SETUP=                            do not look for missing packages
.DEFAULT_GOAL := hypervisor
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

BUILD ?= build
CROSS_COMPILE ?= aarch64-linux-gnu-
SETUP ?= tools/setup
PYTHON ?= /usr/bin/python3
PACKAGES := $(or $(LATCH_PACKAGES),build/packages)
TIMEOUT ?= 120

CC := $(CROSS_COMPILE)gcc
LD := $(CROSS_COMPILE)ld
OBJCOPY := $(CROSS_COMPILE)objcopy
# The compiler's own: it reads objects that the linker has yet to compile.
NM := $(CROSS_COMPILE)gcc-nm
HOSTCC ?= gcc

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wswitch-enum -Wvla -Werror
# What any C that runs on the target without an operating system is compiled with.
BARE := -std=c11 -O2 -g -ffreestanding -fno-common -fno-omit-frame-pointer -march=armv8-a \
	-mgeneral-regs-only -mstrict-align -ffunction-sections
# clang has neither of these at its defaults' place.
BARE_GCC := -mno-outline-atomics -fno-stack-protector -falign-functions=4 -falign-jumps=4 \
	-falign-loops=4
INCLUDES := -I. -Iinclude -Iarch/aarch64/include -isystem $(PACKAGES)/include

DEFINES := $(if $(DEBUG),-DDEBUG)
CFLAGS := $(BARE) $(BARE_GCC) -fpie -fvisibility=hidden $(WARNINGS) $(INCLUDES) $(DEFINES)
# The image relocates itself, so it needs R_AARCH64_RELATIVE only, and no interpreter.
empty :=
comma := ,
LDFLAGS := -nostdlib -static-pie -T arch/aarch64/latch.lds $(subst $(empty) ,$(comma),-Wl \
	--no-dynamic-linker -z max-page-size=4096 -z norelro -z noexecstack --build-id=none \
	--fatal-warnings --gc-sections)

# ptwr/invariant.c is for tests: it looks at every frame at once.
SOURCES := $(filter-out ptwr/invariant.c,$(sort $(wildcard arch/aarch64/*.c arch/aarch64/*.S \
	arch/aarch64/gic/*.c arch/aarch64/uart/*.c core/*.c ptwr/*.c boards/*.c boards/*/*.c)))
# What runs at the start, at an end or for a person to read is made small instead of fast. The rest
# is compiled as one when it is linked: an effect of the engine's port is one instruction, but as a
# function of another file it would be a call. One partition makes it the same each time.
LTO := -flto -flto-partition=one
SMALL := $(addprefix arch/aarch64/,bcm2835_pm.c el2_mmu.c psci_call.c smp.c stage2.c \
	uart/uart.c uart/pl011.c uart/aux_uart.c uart/cadence.c \
	uart/imx.c) ptwr/ptwr.c \
	$(addprefix core/,board.c config.c config_module.c config_parser.c config_share.c console.c \
	direct.c direct_build.c direct_map.c direct_plan.c domain.c elf.c fdt_reg.c fmt.c \
	guest_fdt.c image.c main.c mem.c panic.c refusal.c share.c)
OBJECTS := $(patsubst %,$(BUILD)/obj/%.o,$(SOURCES))

.PHONY: hypervisor image setup all check check-all check-walks walk-mutants \
	demo run bench bench-cycles format lint unit clean distclean help

hypervisor: $(BUILD)/latch.bin
all: hypervisor guests linux $(BUILD)/latch-check

# Phony and order-only: the check costs a tenth of a second and rebuilds nothing.
setup:
	@$(if $(SETUP),LATCH_PACKAGES=$(PACKAGES) $(SETUP),true)

include mk/guests.mk
include mk/host.mk

# --- The hypervisor -----------------------------------------------------------------------------

# Objects depend on this file, which changes only when the compiler or its flags do.
$(BUILD)/obj/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(LTO) $(SMALL)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(LTO) $(SMALL)' >$@

$(patsubst %,$(BUILD)/obj/%.o,$(SMALL)): OPTIMIZE := -Os

$(BUILD)/obj/%.c.o: OPTIMIZE := $(LTO)
$(BUILD)/obj/%.c.o: %.c $(BUILD)/obj/flags | setup
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CFLAGS) $(OPTIMIZE) -MMD -MP -c $< -o $@

$(BUILD)/obj/%.S.o: %.S $(BUILD)/obj/flags | setup
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(CC) $(CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

$(BUILD)/latch.elf: $(OBJECTS) arch/aarch64/latch.lds | setup
	@echo "  LD      $@"
	@$(CC) $(CFLAGS) $(LTO) $(LDFLAGS) $(OBJECTS) $(PACKAGES)/libfdt.a -lgcc -o $@

$(BUILD)/latch.bin: $(BUILD)/latch.elf
	@$(OBJCOPY) -O binary $< $@

-include $(OBJECTS:.o=.d)

# --- What a user runs ---------------------------------------------------------------------------

demo: all
	tools/latch run dts/demo.dts --timeout $(TIMEOUT) --no-input

run: all
	tools/latch run dts/interactive.dts

# An SD card: BOARD=, SYSTEM=, and FIRMWARE= for a folder that has the board's own files.
BOARD ?= rpi4
SYSTEM ?= dts/demo.dts
image: all
	tools/latch image $(SYSTEM) --board $(BOARD) --output $(BUILD)/$(BOARD).img \
		$(if $(FIRMWARE),--firmware $(FIRMWARE))

bench: all $(BUILD)/host-gcc/test_policy_traces
	tests/bench/run --output $(BUILD)/bench.json

# tests/run builds what it tests, so that a build that fails is counted like any other failure.
check: setup
	+@MAKE='$(MAKE)' BUILD=$(BUILD) tests/run

check-all: setup
	+@MAKE='$(MAKE)' BUILD=$(BUILD) tests/run --matrix

# Needs gem5, whose TLBs keep partial and combined walks: docs/testing.md.
check-walks: hypervisor guests $(BUILD)/latch-check
	+@MAKE='$(MAKE)' BUILD=$(BUILD) tests/run walks

# Cycles, by gem5's CPUs with caches.
bench-cycles: hypervisor guests $(BUILD)/latch-check
	tests/bench/cycles
	tests/bench/cycles --smp

walk-mutants: hypervisor guests $(BUILD)/latch-check
	tests/mutants/walks

lint: setup
	+@MAKE='$(MAKE)' BUILD=$(BUILD) tests/run lint

unit: setup
	+@MAKE='$(MAKE)' BUILD=$(BUILD) tests/run unit

FORMATTED = $(shell git ls-files '*.c' '*.h')
format: | setup
	clang-format -i $(FORMATTED)

clean:
	@if [ -d $(BUILD) ]; then \
		find $(BUILD) -mindepth 1 -maxdepth 1 ! -name packages -exec rm -rf {} +; fi

distclean: clean
	rm -rf $(BUILD)

help:
	@echo 'make              the hypervisor: $(BUILD)/latch.bin'
	@echo 'make demo         two guests side by side in QEMU; ends by itself'
	@echo 'make run          the same with your terminal as the console'
	@echo 'make image        an SD card: BOARD=rpi4 SYSTEM=dts/demo.dts FIRMWARE=folder'
	@echo 'make check        every test once; ends with "N passed, N failed"'
	@echo 'make check-all    the QEMU tests on every CPU, GIC and board'
	@echo 'make check-walks  direct guests on gem5, whose TLBs keep walks'
	@echo 'make walk-mutants break its TLB maintenance, which a guest there must notice'
	@echo 'make bench-cycles cycles beside instructions, on gem5'
	@echo 'make lint unit    only the linters, only the unit tests'
	@echo 'make mutants      break the engine in some 490 ways, each of which a test must notice'
	@echo 'make model fuzz   search the engine for SECONDS=600, fuzz it for SECONDS=100'
	@echo 'make coverage     lines and branches of the engine that its host tests run'
	@echo 'make bench        what it costs, in instructions: $(BUILD)/bench.json'
	@echo 'make format       clang-format on every C file'
	@echo 'make all          hypervisor, guests, Linux initramfs, configuration checker'
	@echo 'make clean        remove what was built; distclean: downloaded packages too'

# What tools/lint needs to know of the flags above.
.PHONY: lint-flags FORCE
lint-flags:
	@echo "CC='$(CC)'; LD='$(LD)'; NM='$(NM)'; PACKAGES='$(PACKAGES)'"
	@echo "TARGET_FLAGS='$(BARE) $(WARNINGS) $(INCLUDES) -DDEBUG'"
	@echo "GCC_FLAGS='$(BARE_GCC)'"
	@echo "GUEST_FLAGS='$(BARE) $(WARNINGS) $(GUEST_INCLUDES)'"
	@echo "HOST_FLAGS='$(HOST_CFLAGS)'"
	@echo "PTWR_OBJECTS='$(filter $(BUILD)/obj/ptwr/%,$(OBJECTS))'"
FORCE:
