/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each byte can mean, for the loops that look at every byte. */
#ifndef RECIPE_BYTES_H
#define RECIPE_BYTES_H

#include <stdint.h>

enum byte_class {
	BYTE_NAME = 1 << 0,   /* may stand in a name */
	BYTE_DIGIT = 1 << 1,  /* but not in front */
	BYTE_LEX = 1 << 2,    /* is looked at when a word is read */
	BYTE_PLAIN = 1 << 3,  /* is special without quotes in a value */
	BYTE_DOUBLE = 1 << 4, /* is special between double quotes */
	BYTE_META = 1 << 5,   /* ; & | ( ) < > */
};

extern const uint8_t byte_classes[256];

#define BYTE_IS(c, class) (byte_classes[(unsigned char)(c)] & (class))

#endif
