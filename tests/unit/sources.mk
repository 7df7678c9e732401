SRCS_test_vgic := core/vgic_mmio.c core/vpl011.c
SMALL_TESTS := test_random
