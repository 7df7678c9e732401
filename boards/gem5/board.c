/* SPDX-License-Identifier: Apache-2.0 */
/* gem5's Arm boards. Known by their CPUs: the rest of the tree is that of an Arm Versatile Express.
 */
#include "core/board.h"

#include "boards/gem5/board.h"

/* gem5 24.0 sets ISV for write-back, paired, exclusive, vector and atomic stores alike. */
const struct board board_gem5 = {
    .name = "gem5",
    .compatible = "gem5,arm-cpu",
    .isv_is_wrong = true,
};
