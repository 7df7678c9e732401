# Guests. A directory demos/NAME and a file tests/qemu/guests/NAME.c each become
# build/guests/NAME.elf, linked with the runtime in demos/lib by demos/lib/guest.lds (or by
# NAME.lds beside the guest, where there is one).

.PHONY: guests linux

GUEST_INCLUDES := -Iinclude -Idemos/lib
GUEST_CFLAGS := $(BARE) $(BARE_GCC) -fno-pie -fno-pic $(WARNINGS) $(GUEST_INCLUDES)
GUEST_LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none \
	--no-warn-rwx-segments

GUEST_LIB := $(patsubst %,$(BUILD)/guests/obj/%.o,$(sort $(wildcard demos/lib/*.c demos/lib/*.S)))
DEMO_GUESTS := $(filter-out lib linux,$(sort $(notdir $(patsubst %/,%,$(dir \
	$(wildcard demos/*/*.c demos/*/*.S))))))
TEST_GUESTS := $(basename $(notdir $(sort $(wildcard tests/qemu/guests/*.c))))
GUESTS := $(patsubst %,$(BUILD)/guests/%.elf,$(DEMO_GUESTS) $(TEST_GUESTS))

guests: $(GUESTS)

$(BUILD)/guests/obj/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(GUEST_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(GUEST_CFLAGS)' >$@

$(BUILD)/guests/obj/%.c.o: %.c $(BUILD)/guests/obj/flags | setup
	@mkdir -p $(@D)
	@echo "  CC      $< (guest)"
	@$(CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/guests/obj/%.S.o: %.S $(BUILD)/guests/obj/flags | setup
	@mkdir -p $(@D)
	@echo "  AS      $< (guest)"
	@$(CC) $(GUEST_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

# $(1) name, $(2) sources, $(3) its own linker script if it exists
define guest_rule
$(BUILD)/guests/$(1).elf: $(patsubst %,$(BUILD)/guests/obj/%.o,$(2)) $(GUEST_LIB) \
		$(or $(wildcard $(3)),demos/lib/guest.lds)
	@echo "  LD      $$@"
	@$(LD) $(GUEST_LDFLAGS) -T $(or $(wildcard $(3)),demos/lib/guest.lds) $$(filter %.o,$$^) -o $$@
-include $(patsubst %,$(BUILD)/guests/obj/%.d,$(2))
endef

$(foreach g,$(DEMO_GUESTS),$(eval $(call guest_rule,$(g),$(sort \
	$(wildcard demos/$(g)/*.c demos/$(g)/*.S)),demos/$(g)/guest.lds)))
$(foreach g,$(TEST_GUESTS),$(eval $(call guest_rule,$(g),$(wildcard \
	tests/qemu/guests/$(g).c tests/qemu/guests/$(g).S),tests/qemu/guests/$(g).lds)))
-include $(GUEST_LIB:.o=.d)

# --- Linux's initramfs --------------------------------------------------------------------------
# Made for arm64's own C library, whatever compiles the hypervisor.

LINUX_CC ?= aarch64-linux-gnu-gcc
LINUX_PROGRAMS := $(patsubst demos/linux/%.c,$(BUILD)/linux/%,$(sort $(wildcard demos/linux/*.c)))

linux: $(BUILD)/linux-initramfs.cpio.gz

$(BUILD)/linux/%: demos/linux/%.c | setup
	@mkdir -p $(@D)
	@echo "  CC      $< (Linux)"
	@$(LINUX_CC) -std=gnu11 -O2 -static $(WARNINGS) $< -o $@

$(BUILD)/linux-initramfs.cpio.gz: demos/linux/mkinitramfs $(LINUX_PROGRAMS) | setup
	@echo "  CPIO    $@"
	@demos/linux/mkinitramfs $@ $(PACKAGES)/busybox $(LINUX_PROGRAMS)
