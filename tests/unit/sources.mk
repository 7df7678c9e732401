SRCS_test_config := tests/unit/config_tree.c
SRCS_test_config_refusals := tests/unit/config_tree.c
SRCS_test_config_share := tests/unit/config_tree.c
SRCS_test_vgic := core/vgic_mmio.c core/vpl011.c
SMALL_TESTS := test_random
