# SPDX-License-Identifier: Apache-2.0
"""What other hypervisors cost. Nothing here is measured by this bench: docs/performance.md says
how these figures were taken."""

# Instructions per operation, cortex-a72, GICv3, one vCPU, and the same operation without them.
TRAPS_BARE = "bare"
TRAPS = {
    "psci_version": {"bare": 12, "Bao": 200, "Xen": 482, "KVM": 1553},
    "gicd_read": {"bare": 15, "Bao": 241, "Xen": 596, "KVM": 2277},
    "self_sgi": {"bare": 521, "Bao": 1295, "Xen": 1617, "KVM": 3471},
    "timer": {"bare": 145, "Xen": 1057, "KVM": 5798},
    "id": {"bare": 11, "Bao": 11, "Xen": 420, "KVM": 1969},
}

# Instructions of the hypervisor before a Linux guest's first.
START_LINUX = {"Bao": 80_800_000, "Xen": 134_000_000}
START_BARE_METAL = {"Bao": 406_629}

# Bytes.
SIZE = {"Bao (text)": 66_800, "Xen (image)": 983_000}

# Ratio to the same kernel on the bare machine.
LINUX = {
    "boot": {"Bao": 1036 / 973, "Xen domU": 1108 / 973},
    "getppid": {"Bao": 1.00, "Xen dom0": 1.23},
    "touch": {"Bao": 1.00, "Xen dom0": 1.025},
    "pipe": {"Bao": 1.00, "Xen dom0": 1.035},
}

# Instructions in the hypervisor for one entry of a page table: Xen 4.17, x86, PV.
TABLES = {"emulated": (1780, 2155), "batched": (450, 660), "single": 975}


def added(operation):
    """What each peer adds to an operation."""
    figures = TRAPS.get(operation, {})
    return {name: value - figures[TRAPS_BARE] for name, value in figures.items()
            if name != TRAPS_BARE}
