/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/board.h"

extern const struct board board_gem5;
