# Bare-metal guests, in two flavours: plain ones for any machine at EL1, and direct ones for
# Latch's paravirtual interface. demos/lib/common goes into all, demos/lib/FLAVOUR into those of
# one flavour, which demos/lib/FLAVOUR/guest.lds links.
#
#   demos/NAME/*.c, *.S                    -> build/guests/NAME.elf           (direct)
#   tests/qemu/guests/FLAVOUR/NAME.c       -> build/guests/FLAVOUR-NAME.elf   (with NAME.S if any)
#   tests/qemu/guests/common/NAME.[cS]     goes into the guest NAME of each flavour
#   tests/bench/guests/FLAVOUR/NAME.c      -> build/guests/bench-FLAVOUR-NAME.elf

.PHONY: guests linux

FLAVOURS := plain direct
GUEST_INCLUDES := -Iinclude -Idemos/lib
GUEST_CFLAGS := $(BARE) $(BARE_GCC) -fno-pie -fno-pic $(WARNINGS) $(GUEST_INCLUDES)
GUEST_LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none \
	--no-warn-rwx-segments

guest_objects = $(patsubst %,$(BUILD)/guests/obj/%.o,$(1))
sources_in = $(sort $(wildcard $(1)/*.c $(1)/*.S))
GUEST_LIB_plain := $(call guest_objects,$(call sources_in,demos/lib/common) \
	$(call sources_in,demos/lib/plain))
GUEST_LIB_direct := $(call guest_objects,$(call sources_in,demos/lib/common) \
	$(call sources_in,demos/lib/direct))

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

# $(1) name, $(2) flavour, $(3) sources
define guest_rule
guests: $(BUILD)/guests/$(1).elf
$(BUILD)/guests/$(1).elf: $(call guest_objects,$(3)) $(GUEST_LIB_$(2)) demos/lib/$(2)/guest.lds \
		| setup
	@echo "  LD      $$@"
	@$(LD) $(GUEST_LDFLAGS) -T demos/lib/$(2)/guest.lds $$(filter %.o,$$^) -o $$@
-include $(patsubst %.o,%.d,$(call guest_objects,$(3)))
endef

# $(1) directory, $(2) flavour, $(3) prefix of the name
guests_of = $(foreach f,$(sort $(wildcard $(1)/*.c)),$(eval $(call guest_rule,$(3)$(2)-$(basename \
	$(notdir $(f))),$(2),$(f) $(wildcard $(f:.c=.S)) $(wildcard $(patsubst \
	$(1)/%.c,$(dir $(1))common/%.[cS],$(f))))))

DEMO_GUESTS := $(filter-out lib linux,$(sort $(notdir $(patsubst %/,%,$(dir \
	$(wildcard demos/*/*.c demos/*/*.S))))))
$(foreach g,$(DEMO_GUESTS),$(eval $(call guest_rule,$(g),direct,$(call sources_in,demos/$(g)))))
$(foreach f,$(FLAVOURS),$(call guests_of,tests/qemu/guests/$(f),$(f),))
$(foreach f,$(FLAVOURS),$(call guests_of,tests/bench/guests/$(f),$(f),bench-))
-include $(patsubst %.o,%.d,$(sort $(GUEST_LIB_plain) $(GUEST_LIB_direct)))

# --- Linux's initramfs --------------------------------------------------------------------------
# Made for arm64's own C library, whatever compiles the hypervisor.

LINUX_CC ?= aarch64-linux-gnu-gcc
LINUX_PROGRAMS := $(addprefix $(BUILD)/linux/,init workload)
WORKLOAD := $(sort $(wildcard demos/linux/workload/*.c))

linux: $(BUILD)/linux-initramfs.cpio.gz

$(BUILD)/linux/init: demos/linux/init.c | setup
$(BUILD)/linux/workload: $(WORKLOAD) demos/linux/workload/workload.h | setup
$(LINUX_PROGRAMS):
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(LINUX_CC) -std=gnu11 -D_GNU_SOURCE -O2 -static $(WARNINGS) $(filter %.c,$^) -o $@

$(BUILD)/linux-initramfs.cpio.gz: demos/linux/mkinitramfs $(LINUX_PROGRAMS) | setup
	@echo "  CPIO    $@"
	@demos/linux/mkinitramfs $@ $(PACKAGES)/busybox $(LINUX_PROGRAMS)

# The same for heavy work of the tests', with a few modules of the cloud kernel.
STORM := $(BUILD)/linux-storm/storm
STORM_MODULES := $(addprefix $(PACKAGES)/modules/,dummy.ko lzo.ko lzo-rle.ko zram.ko zsmalloc.ko release)

linux: $(BUILD)/linux-storm.cpio.gz

$(STORM): $(wildcard tests/qemu/linux/*.c) tests/qemu/linux/storm.h | setup
	@mkdir -p $(@D)
	@echo "  CC      $(filter %.c,$^) (Linux)"
	@$(LINUX_CC) -std=gnu11 -D_GNU_SOURCE -O2 -static -pthread $(WARNINGS) $(filter %.c,$^) -o $@

$(BUILD)/linux-storm.cpio.gz: demos/linux/mkinitramfs $(BUILD)/linux/init $(STORM) | setup
	@echo "  CPIO    $@"
	@demos/linux/mkinitramfs $@ $(PACKAGES)/busybox $(BUILD)/linux/init $(STORM) $(STORM_MODULES)

# The same with a program that attacks its own kernel, and the module of the cloud kernel's that lets
# it. Kbuild builds where the sources are, so that they are copied.
ATTACK := $(BUILD)/linux-attack
ATTACK_MODULE := $(wildcard tests/qemu/attack/module/*)

linux: $(BUILD)/linux-attack.cpio.gz

$(ATTACK)/attack: $(wildcard tests/qemu/attack/*.[ch]) $(ATTACK_MODULE) | setup
	@mkdir -p $(@D)
	@echo "  CC      $(filter tests/qemu/attack/%.c,$(filter-out $(ATTACK_MODULE),$^)) (Linux)"
	@$(LINUX_CC) -std=gnu11 -D_GNU_SOURCE -O2 -static -pthread $(WARNINGS) \
		$(filter %.c,$(filter-out $(ATTACK_MODULE),$^)) -o $@

$(ATTACK)/module/attack.ko: $(ATTACK_MODULE) $(PACKAGES)/headers/release | setup
	@rm -rf $(@D)
	@mkdir -p $(@D)
	@cp $(ATTACK_MODULE) $(@D)
	@echo "  KBUILD  $@"
	@$(MAKE) --no-print-directory -s -C $(PACKAGES)/headers M=$(abspath $(@D)) ARCH=arm64 \
		CROSS_COMPILE=aarch64-linux-gnu- CC=$(LINUX_CC) modules >$(@D)/log 2>&1 || \
		{ cat $(@D)/log; exit 1; }

$(BUILD)/linux-attack.cpio.gz: demos/linux/mkinitramfs $(BUILD)/linux/init $(ATTACK)/attack \
		$(ATTACK)/module/attack.ko
	@echo "  CPIO    $@"
	@demos/linux/mkinitramfs $@ $(PACKAGES)/busybox $(filter-out %mkinitramfs,$^)

$(PACKAGES)/headers/release: | setup ;
