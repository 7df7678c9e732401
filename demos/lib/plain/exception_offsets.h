/* SPDX-License-Identifier: Apache-2.0 */
/* For start.S; exception.c checks it against struct exception. */
#pragma once

#define EXCEPTION_SIZE 288
