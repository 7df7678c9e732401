SRCS_test_vgic := core/vgic_mmio.c core/vpl011.c
