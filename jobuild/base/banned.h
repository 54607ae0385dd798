/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Included in front of every source (Makefile): functions that nobody here
 * calls, because each has a safe sister. libc's own headers come first so
 * that their declarations are not hit.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi
#pragma GCC poison atol system popen localtime gmtime asctime gets

#endif
