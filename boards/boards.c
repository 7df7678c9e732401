/* SPDX-License-Identifier: Apache-2.0 */
/* The boards of which there is more to say than their device trees do. */
#include <stddef.h>

#include "boards/gem5/board.h"
#include "core/board.h"

const struct board *const boards[] = {&board_gem5, NULL};
