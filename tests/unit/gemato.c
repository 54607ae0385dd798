/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manifests as gemato reads them (GLEP 74's reference) and as we do. Each case
 * has both verdicts about the text alone; where we are stricter it says why,
 * and nowhere are we laxer. With --cases the table is printed for
 * tests/tools/gemato-says, which asks a gemato that is at hand.
 */
#include "tap.h"
#include "base/arena.h"
#include "tree/manifest.h"

#include <string.h>

#define H                                                                      \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"     \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "BLAKE2B " H
#define S "SHA512 " H

/* NULL: we take it too; SAME: both refuse it */
#define SAME "gemato refuses it too"

static const struct {
	const char *what, *text;
	bool gemato;     /* takes it */
	const char *why; /* NULL: we take it */
} cases[] = {
    {"nothing", "", true, NULL},
    {"blank lines only", "\n  \n\t\n", true, NULL},
    {"a DIST line", "DIST a 1 " B " " S "\n", true, NULL},
    {"an AUX line", "AUX a 1 " B "\n", true, NULL},
    {"AUX in a folder", "AUX a/b 1 " B "\n", true, NULL},
    {"no line end at the end", "DIST a 1 " B, true, NULL},
    {"tabs and several blanks", "  DIST\ta  1\t " B "  \n", true, NULL},
    {"size 0", "DIST a 0 " S "\n", true, NULL},
    {"a name with odd characters", "DIST a%20@=!~+ 1 " B "\n", true, NULL},
    {"a name beyond ASCII", "DIST \xc3\xa9\xe2\x82\xac 1 " B "\n", true, NULL},
    {"\\x20 in a name", "DIST a\\x20b 1 " B "\n", true, NULL},
    {"\\u00E9 in a name", "DIST a\\u00E9 1 " B "\n", true, NULL},
    {"\\U0001F600 in a name", "DIST a\\U0001F600 1 " B "\n", true, NULL},
    {"\\x5C, a backslash", "DIST a\\x5Cb 1 " B "\n", true, NULL},
    {"an unknown hash beside a good one", "DIST a 1 NEW 00 " B "\n", true,
	NULL},
    {"MD5 beside a good one", "DIST a 1 MD5 00 " B "\n", true, NULL},
    {"hashes in another order", "DIST a 1 " S " " B "\n", true, NULL},
    {"the same name as DIST and AUX", "DIST a 1 " B "\nAUX a 1 " B "\n", true,
	NULL},

    {"an unknown tag", "DISK a 1 " B "\n", false, SAME},
    {"a tag in small letters", "dist a 1 " B "\n", false, SAME},
    {"a comment", "# DIST\n", false, SAME},
    {"a byte order mark",
	"\xef\xbb\xbf"
	"DIST a 1 " B "\n",
	false, SAME},
    {"no name", "DIST\n", false, SAME},
    {"no size", "DIST a\n", false, SAME},
    {"a negative size", "DIST a -1 " B "\n", false, SAME},
    {"a size in hexadecimal", "DIST a 0x1 " B "\n", false, SAME},
    {"a size with a fraction", "DIST a 1.0 " B "\n", false, SAME},
    {"a hash without value", "DIST a 1 BLAKE2B\n", false, SAME},
    {"DIST in a folder", "DIST a/b 1 " B "\n", false, SAME},
    {"DIST with an escaped slash", "DIST a\\x2Fb 1 " B "\n", false, SAME},
    {"an absolute path", "AUX /a 1 " B "\n", false, SAME},
    {"a lone backslash", "DIST a\\b 1 " B "\n", false, SAME},
    {"a short escape", "DIST a\\x2 1 " B "\n", false, SAME},
    {"an escape beyond Unicode", "DIST a\\U00110000 1 " B "\n", false, SAME},
    {"not UTF-8", "DIST a\xff 1 " B "\n", false, SAME},
    {"a stray OpenPGP line", "-----BEGIN PGP SIGNATURE-----\n", false, SAME},
    {"a clear-signed head without end",
	"-----BEGIN PGP SIGNED MESSAGE-----\n\nDIST a 1 " B "\n", false, SAME},

    {"a clear signature around it",
	"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nDIST a 1 " B
	"\n-----BEGIN PGP SIGNATURE-----\n\nAA==\n"
	"-----END PGP SIGNATURE-----\n",
	true, "Manifest.asc has the signature, which covers every byte"},
    {"TIMESTAMP", "TIMESTAMP 2026-01-02T03:04:05Z\n", true,
	"the revision says when; the line would change with every update"},
    {"MANIFEST", "MANIFEST a/Manifest 1 " B "\n", true,
	"each package's Manifest has its own signature; there is no chain"},
    {"IGNORE", "IGNORE a\n", true, "what a signature covers has no exceptions"},
    {"DATA", "DATA a 1 " B "\n", true,
	"recipes have signatures of their own; DATA would promise a second"},
    {"EBUILD", "EBUILD a 1 " B "\n", true, "deprecated, for ebuilds"},
    {"MISC", "MISC a 1 " B "\n", true, "deprecated, for ebuilds' metadata"},
    {"no hash", "DIST a 1\n", true,
	"a size alone proves nothing (gemato refuses it when it verifies)"},
    {"only MD5", "DIST a 1 MD5 d41d8cd98f00b204e9800998ecf8427e\n", true,
	"weak (gemato refuses it when it verifies)"},
    {"only an unknown hash", "DIST a 1 NEW 00\n", true,
	"nothing that can be checked (gemato refuses it when it verifies)"},
    {"only SHA256",
	"DIST a 1 SHA256 "
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
	true, "the format knows two hashes, and the store goes by them"},
    {"a hash twice", "DIST a 1 " B " " B "\n", true,
	"gemato takes the last one; two readers may take different ones"},
    {"a hash that is too short", "DIST a 1 BLAKE2B 00\n", true,
	"it can never hold: told where it is written, not after a download"},
    {"a hash in capitals", "DIST a 1 BLAKE2B 0123456789ABCDEF" H "\n", true,
	"it can never hold: gemato compares with small letters"},
    {"a hash that isn't hexadecimal", "DIST a 1 BLAKE2B xyz\n", true,
	"it can never hold"},
    {"the same line twice", "DIST a 1 " B "\nDIST a 1 " B "\n", true,
	"the first of the two is what gemato finds: one is a mistake"},
    {"one name, two contents", "DIST a 1 " B "\nDIST a 2 " S "\n", true,
	"the first of the two is what gemato finds: one is a mistake"},
    {"leading zeros", "DIST a 01 " B "\n", true,
	"one number has one form, so that equal Manifests are equal bytes"},
    {"a plus sign", "DIST a +1 " B "\n", true, "as leading zeros"},
    {"an underscore in the size", "DIST a 1_0 " B "\n", true,
	"Python's way to write numbers, not GLEP 74's"},
    {"digits of another script", "DIST a \xd9\xa1 " B "\n", true,
	"Python's way to read numbers, not GLEP 74's"},
    {"more than 2^53 bytes", "DIST a 9007199254740993 " B "\n", true,
	"JSON's numbers end there, and files long before"},
    {"carriage returns", "DIST a 1 " B "\r\n", true,
	"signed bytes that some editors change"},
    {"a form feed as a blank", "DIST\fa 1 " B "\n", true,
	"invisible; GLEP 74 knows blanks and tabs"},
    {"a no-break space as a blank",
	"DIST\xc2\xa0"
	"a 1 " B "\n",
	true, "invisible; GLEP 74 knows blanks and tabs"},
    {"NUL in a name", "DIST a\\x00b 1 " B "\n", true,
	"no file can have that name"},
    {"a line break in a name", "DIST a\\x0Ab 1 " B "\n", true,
	"names are printed in messages and lists"},
    {"an escape sequence in a name", "DIST a\\x1B[2J 1 " B "\n", true,
	"names are printed on terminals"},
    {"half a surrogate pair", "DIST a\\uD800 1 " B "\n", true,
	"no character; it can't be written as UTF-8"},
    {"an escaped absolute path", "AUX \\x2Fetc 1 " B "\n", true,
	"leads out of the folder; gemato looks before it decodes"},
    {"..", "AUX ../a 1 " B "\n", true, "leads out of the folder"},
    {". as a name", "DIST . 1 " B "\n", true, "not a file's name"},
    {"an empty part", "AUX a//b 1 " B "\n", true,
	"one file has one name, so that it can't be listed twice"},
    {"a slash at the end", "AUX a/ 1 " B "\n", true, "not a file's name"},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void
print_cases(void)
{
	size_t i;

	for (i = 0; i < CASES; i++)
		printf("%s%c%s%c%s%c", cases[i].what, '\0',
		    cases[i].gemato ? "takes" : "refuses", '\0', cases[i].text,
		    '\0');
}

int
main(int argc, char *argv[])
{
	struct arena a = {0};
	struct diags d;
	size_t i;

	if (argc == 2 && strcmp(argv[1], "--cases") == 0) {
		print_cases();
		return 0;
	}
	for (i = 0; i < CASES; i++) {
		diags_init(&d, &a);
		ok(!manifest_parse(&a, "Manifest", cases[i].text,
		       strlen(cases[i].text), &d) == (cases[i].why != NULL),
		    "%s: %s", cases[i].what,
		    cases[i].why ? cases[i].why : "taken by both");
		ok((d.errors > 0) == (cases[i].why != NULL),
		    "%s: an error says so", cases[i].what);
		ok(cases[i].gemato || cases[i].why,
		    "%s: we take nothing that gemato refuses", cases[i].what);
	}
	arena_release(&a);
	return tap_done();
}
