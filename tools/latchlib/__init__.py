"""What tools/latch is made of: cli reads the command line, system builds the device tree that a
board boots Latch with, place finds room for the guests' files, qemu runs the result."""
