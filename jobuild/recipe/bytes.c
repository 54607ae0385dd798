/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/bytes.h"

#define N BYTE_NAME
#define D (BYTE_NAME | BYTE_DIGIT)
#define L BYTE_LEX
#define P BYTE_PLAIN
#define Q BYTE_DOUBLE
#define M (BYTE_META | BYTE_LEX)

/* clang-format off */
const uint8_t byte_classes[256] = {
	['\t'] = L, ['\n'] = L, [' '] = L,
	['!'] = L, ['"'] = L | P | Q, ['$'] = L | P | Q, ['&'] = M | P,
	['\''] = L | P, ['('] = M | P, [')'] = M, ['*'] = L, ['+'] = L,
	[';'] = M, ['<'] = M | P, ['='] = L, ['>'] = M | P, ['?'] = L,
	['@'] = L, ['['] = L, ['\\'] = L | P | Q, ['`'] = L | P | Q,
	['|'] = M, ['~'] = P,
	['0'] = D, ['1'] = D, ['2'] = D, ['3'] = D, ['4'] = D,
	['5'] = D, ['6'] = D, ['7'] = D, ['8'] = D, ['9'] = D,
	['A'] = N, ['B'] = N, ['C'] = N, ['D'] = N, ['E'] = N, ['F'] = N,
	['G'] = N, ['H'] = N, ['I'] = N, ['J'] = N, ['K'] = N, ['L'] = N,
	['M'] = N, ['N'] = N, ['O'] = N, ['P'] = N, ['Q'] = N, ['R'] = N,
	['S'] = N, ['T'] = N, ['U'] = N, ['V'] = N, ['W'] = N, ['X'] = N,
	['Y'] = N, ['Z'] = N, ['_'] = N,
	['a'] = N, ['b'] = N, ['c'] = N, ['d'] = N, ['e'] = N, ['f'] = N,
	['g'] = N, ['h'] = N, ['i'] = N, ['j'] = N, ['k'] = N, ['l'] = N,
	['m'] = N, ['n'] = N, ['o'] = N, ['p'] = N, ['q'] = N, ['r'] = N,
	['s'] = N, ['t'] = N, ['u'] = N, ['v'] = N, ['w'] = N, ['x'] = N,
	['y'] = N, ['z'] = N,
};
/* clang-format on */
