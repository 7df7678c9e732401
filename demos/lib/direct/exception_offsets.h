/* SPDX-License-Identifier: Apache-2.0 */
/* For start.S and call.S; exception.c checks them against the structures. */
#pragma once

#define EXCEPTION_SIZE 288

#define USER_SP     248
#define USER_PC     256
#define USER_PSTATE 264
