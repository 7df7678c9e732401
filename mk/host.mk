# What runs on the build machine: unit tests, each built by gcc and clang with sanitizers, and the
# configuration checker that tools/latch runs.

HOST_CFLAGS := -std=c11 -g -O1 -fno-omit-frame-pointer $(WARNINGS) -DLATCH_HOST -DDEBUG \
	-Itests/unit -I. -Iinclude -Iarch/aarch64/include
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

# The files that need no instruction. They form a library, so that each test links only what it
# calls, and may bring a fake of its own for anything else.
ENGINE_SOURCES := $(sort $(wildcard ptwr/*.c tests/unit/lib/*.c))
CONFIG_SOURCES := $(sort $(wildcard core/config*.c))
HOST_SOURCES := $(ENGINE_SOURCES) $(CONFIG_SOURCES) core/guest_fdt.c \
	core/decode.c core/decode_vector.c core/elf.c core/mmio.c
UNIT_TESTS := $(basename $(notdir $(sort $(wildcard tests/unit/test_*.c))))

# tests/unit/sources.mk says which other files a test is linked with: SRCS_test_NAME := core/x.c.
# test_NAME is always linked with core/NAME.c. SMALL_TESTS are built a second time with tables of
# 8 entries, as gcc-small and clang-small.
-include tests/unit/sources.mk

UNIT_BUILDS := gcc clang gcc-small clang-small
unit_compiler = $(firstword $(subst -, ,$(1)))
unit_flags = $(HOST_CFLAGS) $(if $(filter %-small,$(1)),-DPTWR_INDEX_BITS=3) $(SANITIZE)
unit_library = $(if $(filter %-small,$(1)),$(ENGINE_SOURCES),$(HOST_SOURCES))
unit_tests_of = $(if $(filter %-small,$(1)),$(SMALL_TESTS),$(UNIT_TESTS))
UNIT_PROGRAMS := $(foreach b,$(UNIT_BUILDS),$(addprefix $(BUILD)/host-$(b)/,$(call \
	unit_tests_of,$(b))))

.PHONY: unit-tests unit-list
unit-tests: $(UNIT_PROGRAMS)
unit-list:
	@printf '%s\n' $(UNIT_PROGRAMS) $(foreach c,gcc clang,$(MMU_TESTS:%=$(BUILD)/host-$(c)/%))

# $(1) build
define host_rules
$(BUILD)/host-$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@echo '$(call unit_flags,$(1))' | cmp -s - $$@ || echo '$(call unit_flags,$(1))' >$$@

$(BUILD)/host-$(1)/obj/%.o: % $(BUILD)/host-$(1)/flags | setup
	@mkdir -p $$(@D)
	@echo "  HOSTCC  $$< ($(1))"
	@$(call unit_compiler,$(1)) $(call unit_flags,$(1)) -MMD -MP -c $$< -o $$@

$(BUILD)/host-$(1)/liblatch.a: $(patsubst %,$(BUILD)/host-$(1)/obj/%.o,$(call unit_library,$(1)))
	@rm -f $$@
	@ar rcs $$@ $$^

-include $(patsubst %,$(BUILD)/host-$(1)/obj/%.d,$(call unit_library,$(1)))
endef
$(foreach b,$(UNIT_BUILDS),$(eval $(call host_rules,$(b))))

# $(1) build, $(2) test, $(3) sources beyond the library
define unit_rule
$(BUILD)/host-$(1)/$(2): $(patsubst %,$(BUILD)/host-$(1)/obj/%.o,tests/unit/$(2).c $(3)) \
		$(BUILD)/host-$(1)/liblatch.a
	@$(call unit_compiler,$(1)) $(SANITIZE) $$^ -lcmocka -lfdt -o $$@
-include $(patsubst %,$(BUILD)/host-$(1)/obj/%.d,tests/unit/$(2).c $(3))
endef
$(foreach b,$(UNIT_BUILDS),$(foreach t,$(call unit_tests_of,$(b)),$(eval $(call unit_rule,$(b),$(t),\
	$(filter-out $(HOST_SOURCES),$(sort $(SRCS_$(t)) $(wildcard core/$(t:test_%=%).c)))))))

# --- The engine on the model of a memory system (tests/mmu) --------------------------------------

# Tables of two entries: a tree of four levels fits into a handful of frames. Regions of eight frames.
MMU_CFLAGS = $(HOST_CFLAGS) -DPTWR_INDEX_BITS=1 -DREGION_SHIFT=15
MMU_SOURCES := $(sort $(wildcard ptwr/*.c) $(filter-out tests/mmu/test_%,$(wildcard tests/mmu/*.c)))
MMU_TESTS := $(basename $(notdir $(sort $(wildcard tests/mmu/test_*.c))))

unit-tests: $(foreach c,gcc clang,$(MMU_TESTS:%=$(BUILD)/host-$(c)/%))

# $(1) compiler
define mmu_rules
$(BUILD)/host-$(1)/mmu/%.o: %.c $(BUILD)/host-$(1)/flags mk/host.mk | setup
	@mkdir -p $$(@D)
	@echo "  HOSTCC  $$< ($(1), small tables)"
	@$(1) $(MMU_CFLAGS) $(SANITIZE) -MMD -MP -c $$< -o $$@

$(MMU_TESTS:%=$(BUILD)/host-$(1)/%): $(BUILD)/host-$(1)/%: $(BUILD)/host-$(1)/mmu/tests/mmu/%.o \
		$(MMU_SOURCES:%.c=$(BUILD)/host-$(1)/mmu/%.o)
	@$(1) $(SANITIZE) $$^ -lcmocka -o $$@

-include $(MMU_SOURCES:%.c=$(BUILD)/host-$(1)/mmu/%.d)
-include $(MMU_TESTS:%=$(BUILD)/host-$(1)/mmu/tests/mmu/%.d)
endef
$(foreach c,gcc clang,$(eval $(call mmu_rules,$(c))))

# --- Search, mutants, fuzzing: as long as one likes ---------------------------------------------

.PHONY: model model-quick mutants fuzz coverage
SECONDS ?= 100

MODEL_SOURCES := $(MMU_SOURCES) $(sort $(wildcard tests/model/*.c))

$(BUILD)/search: $(MODEL_SOURCES) $(wildcard ptwr/*.h tests/mmu/*.h tests/model/*.h) | setup
	@mkdir -p $(@D)
	@echo "  HOSTCC  tests/model/search.c"
	@$(HOSTCC) $(filter-out -O1,$(MMU_CFLAGS)) -O3 -march=native -DMMU_ASIDS=1 -DMMU_CPUS=2 \
		$(filter %.c,$^) -o $@

# Every course of events in small domains, for SECONDS=600 of CPU time in all.
model: $(BUILD)/search
	$(BUILD)/search $(if $(filter file,$(origin SECONDS)),600,$(SECONDS))

# As much of it as `make check` has time for.
coverage: setup
	tests/coverage

model-quick: $(BUILD)/search
	$(BUILD)/search 15

mutants: setup
	tests/mutants/run
	tests/mutants/run --search

SANITIZED_FUZZ := clang -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

# The same program twice: with sanitizers, and many times as fast without, where libFuzzer watches
# the engine alone.
FUZZ_HEADERS := $(wildcard ptwr/*.h tests/mmu/*.h)
FUZZ_MODEL := $(filter-out ptwr/%,$(MMU_SOURCES)) tests/fuzz/fuzz_ptwr.c
FUZZ_CFLAGS = $(filter-out -O1,$(MMU_CFLAGS)) -DMMU_ASIDS=1

$(BUILD)/fuzz_ptwr_slow: $(MMU_SOURCES) tests/fuzz/fuzz_ptwr.c $(FUZZ_HEADERS) mk/host.mk | setup
	@mkdir -p $(@D)
	@echo "  FUZZ    tests/fuzz/fuzz_ptwr.c (sanitized)"
	@$(SANITIZED_FUZZ) $(FUZZ_CFLAGS) -O2 $(filter %.c,$^) -o $@

$(BUILD)/fuzz_ptwr: $(MMU_SOURCES) tests/fuzz/fuzz_ptwr.c $(FUZZ_HEADERS) mk/host.mk | setup
	@mkdir -p $(BUILD)/fuzz/obj
	@echo "  FUZZ    tests/fuzz/fuzz_ptwr.c"
	@cd $(BUILD)/fuzz/obj && clang $(FUZZ_CFLAGS) -iquote $(CURDIR) -O3 -march=native -c \
		$(FUZZ_MODEL:%=$(CURDIR)/%)
	@cd $(BUILD)/fuzz/obj && clang $(FUZZ_CFLAGS) -iquote $(CURDIR) -O2 \
		-fsanitize-coverage=inline-8bit-counters,pc-table -c \
		$(addprefix $(CURDIR)/,$(filter ptwr/%,$(MMU_SOURCES)))
	@clang -fsanitize=fuzzer $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(notdir $(MMU_SOURCES)) \
		fuzz_ptwr.c) -o $@

$(BUILD)/fuzz_config: $(CONFIG_SOURCES) tests/fuzz/fuzz_config.c core/config.h | setup
	@mkdir -p $(@D)
	@echo "  FUZZ    tests/fuzz/fuzz_config.c"
	@$(SANITIZED_FUZZ) $(HOST_CFLAGS) $(filter %.c,$^) -lfdt -o $@

# Each for SECONDS=100; what is found new stays in build/fuzz/. The engine's say at their end how
# many operations they ran.
FUZZ_ENGINE = -max_total_time=$(SECONDS) -max_len=1200 -len_control=0 -entropic=0 -print_final_stats=1 \
	-artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/ptwr tests/fuzz/ptwr
fuzz: $(BUILD)/fuzz_ptwr $(BUILD)/fuzz_ptwr_slow $(BUILD)/fuzz_config
	@mkdir -p $(BUILD)/fuzz/ptwr $(BUILD)/fuzz/config
	$(BUILD)/fuzz_ptwr $(FUZZ_ENGINE)
	$(BUILD)/fuzz_ptwr_slow $(FUZZ_ENGINE)
	$(BUILD)/fuzz_config -max_total_time=$(SECONDS) -max_len=1000 -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/config

# --- The configuration checker ------------------------------------------------------------------

CHECKER_SOURCES := $(sort $(wildcard tools/check/*.c))

$(BUILD)/host/obj/%.o: % | setup
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	@$(HOSTCC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/latch-check: $(patsubst %,$(BUILD)/host/obj/%.o,$(CHECKER_SOURCES) \
		$(CONFIG_SOURCES))
	@echo "  HOSTLD  $@"
	@$(HOSTCC) $^ -lfdt -o $@

-include $(patsubst %,$(BUILD)/host/obj/%.d,$(CHECKER_SOURCES) \
		$(CONFIG_SOURCES))
