/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that domains share. It is given out at boot and never taken back: no restart and no end of
 * a domain changes what the others have in it. It has no struct frame.
 */
#pragma once

#include "core/config.h"

/*
 * Where the region of that name lies; zeroed, and clean in the caches, when it is asked for first.
 * From 2 MiB on it begins at a block. raw 0: no memory left. Only at boot, on one CPU.
 */
pa_t share_memory(const struct share_config *share);
