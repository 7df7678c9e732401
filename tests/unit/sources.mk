SRCS_test_config := tests/unit/config_tree.c
SRCS_test_config_refusals := tests/unit/config_tree.c
SRCS_test_config_share := tests/unit/config_tree.c
VGIC := tests/unit/vgic_machine.c core/vgic.c core/vgic_mmio.c core/vgic_room.c core/vpl011.c
SRCS_test_vgic := $(VGIC)
SRCS_test_vgic_room := $(VGIC)
SMALL_TESTS := test_random
