# What runs on the build machine: unit tests, each built by gcc and clang with sanitizers, and the
# configuration checker that tools/latch runs.

HOST_CFLAGS := -std=c11 -g -O1 -fno-omit-frame-pointer $(WARNINGS) -DLATCH_HOST -DDEBUG \
	-Itests/unit -I. -Iinclude -Iarch/aarch64/include
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

# The files that need no instruction. They form a library, so that each test links only what it
# calls, and may bring a fake of its own for anything else.
HOST_SOURCES := $(sort $(wildcard ptwr/*.c core/config.c core/guest_fdt.c core/decode.c \
	core/elf.c core/mmio.c tests/unit/lib/*.c))
UNIT_TESTS := $(basename $(notdir $(sort $(wildcard tests/unit/test_*.c))))

# tests/unit/sources.mk says which other files a test is linked with: SRCS_test_NAME := core/x.c.
# test_NAME is always linked with core/NAME.c.
-include tests/unit/sources.mk

.PHONY: unit-tests
unit-tests: $(foreach c,gcc clang,$(UNIT_TESTS:%=$(BUILD)/host-$(c)/%))

# $(1) compiler
define host_rules
$(BUILD)/host-$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@echo '$(HOST_CFLAGS) $(SANITIZE)' | cmp -s - $$@ || echo '$(HOST_CFLAGS) $(SANITIZE)' >$$@

$(BUILD)/host-$(1)/obj/%.o: % $(BUILD)/host-$(1)/flags | setup
	@mkdir -p $$(@D)
	@echo "  HOSTCC  $$< ($(1))"
	@$(1) $(HOST_CFLAGS) $(SANITIZE) -MMD -MP -c $$< -o $$@

$(BUILD)/host-$(1)/liblatch.a: $(HOST_SOURCES:%=$(BUILD)/host-$(1)/obj/%.o)
	@rm -f $$@
	@ar rcs $$@ $$^

-include $(HOST_SOURCES:%=$(BUILD)/host-$(1)/obj/%.d)
endef
$(foreach c,gcc clang,$(eval $(call host_rules,$(c))))

# $(1) compiler, $(2) test, $(3) sources beyond the library
define unit_rule
$(BUILD)/host-$(1)/$(2): $(patsubst %,$(BUILD)/host-$(1)/obj/%.o,tests/unit/$(2).c $(3)) \
		$(BUILD)/host-$(1)/liblatch.a
	@$(1) $(SANITIZE) $$^ -lcmocka -lfdt -o $$@
-include $(patsubst %,$(BUILD)/host-$(1)/obj/%.d,tests/unit/$(2).c $(3))
endef
$(foreach c,gcc clang,$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rule,$(c),$(t),$(filter-out \
	$(HOST_SOURCES),$(sort $(SRCS_$(t)) $(wildcard core/$(t:test_%=%).c)))))))

# --- The configuration checker ------------------------------------------------------------------

CHECKER_SOURCES := $(sort $(wildcard tools/check/*.c))

$(BUILD)/host/obj/%.o: % | setup
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	@$(HOSTCC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/latch-check: $(patsubst %,$(BUILD)/host/obj/%.o,$(CHECKER_SOURCES) core/config.c)
	@echo "  HOSTLD  $@"
	@$(HOSTCC) $^ -lfdt -o $@

-include $(patsubst %,$(BUILD)/host/obj/%.d,$(CHECKER_SOURCES) core/config.c)
