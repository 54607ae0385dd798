/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A jobtage tree of a given size for "git fast-import":
 *	treegen JOBUILDS [CHANGES]
 * Branch main has about JOBUILDS jobuilds in packages of one to four versions,
 * with templates, Manifests, signatures (of the usual size, signing nothing)
 * and a graph of DEPEND and SIDEPEND; branch next is main with CHANGES
 * jobuilds changed. The same numbers make the same tree.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_USER  40  /* packages of a maintainer */
#define PER_FLOW  150 /* jobuilds for each template */
#define NAME      16
#define SIGNATURE 640 /* characters of base64 */

static uint64_t state = 1;

static unsigned
draw(unsigned below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((state >> 33) % below);
}

static char text[16384];
static size_t len;

__attribute__((format(printf, 1, 2))) static void
add(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	len += (size_t)vsnprintf(text + len, sizeof(text) - len, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 1, 2))) static void
put(const char *fmt, ...)
{
	va_list ap;

	fputs("M 644 inline ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\ndata %zu\n%s\n", len, text);
	len = 0;
}

static void
add_noise(const char *digits, unsigned n, unsigned count)
{
	while (count-- > 0)
		add("%c", digits[draw(n)]);
}

static void
add_signature(void)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				     "nopqrstuvwxyz0123456789+/";

	add("-----BEGIN PGP SIGNATURE-----\n\n");
	add_noise(base64, 64, SIGNATURE);
	add("\n-----END PGP SIGNATURE-----\n");
}

static const char *
package(unsigned p, char out[2 * NAME])
{
	static const char *const words[] = {
	    "lib", "app", "tool", "test", "build", "check", "font", "doc"};

	snprintf(out, 2 * NAME, "dev%u/%s-p%u", p / PER_USER, words[p % 8], p);
	return out;
}

/* Nearer to the first package by half: closures stay small. */
static void
add_deps(unsigned p)
{
	char a[2 * NAME], b[2 * NAME], c[2 * NAME];

	if (p < 4)
		return;
	add("DEPEND=\"%s >=%s-1.0", package(p / 2, a), package(p / 3, b));
	if (p % 7 == 0)
		add(" || ( %s %s )", package(p / 4, a), package(p / 3, c));
	add("\"\n");
	if (p % 5 == 0)
		add("SIDEPEND=\"%s\"\n", package(p / 5, a));
}

static void
add_body(unsigned p, unsigned v)
{
	add("\njob_run() {\n\tlocal option\n"
	    "\tfor option in shared static with-%u; do\n"
	    "\t\tif [[ ${option} == static ]]; then\n"
	    "\t\t\tedo ./configure --disable-shared\n"
	    "\t\telse\n\t\t\tedo ./configure --prefix=/usr --with-x=%u\n"
	    "\t\tfi\n\t\temake\n\t\temake check | tee check.log\n"
	    "\t\tpipestatus || die \"make check: $(tail -n 1 check.log)\"\n"
	    "\tdone\n\tcat >notes <<-X\n\t\tbuilt ${P} in ${WORKDIR}\n\tX\n}\n"
	    "\njob_collect() {\n"
	    "\temake DESTDIR=\"${T}/image\" install\n"
	    "\tartifact notes\n"
	    "\tresult \"tests=$(grep -c '^PASS' check.log)\"\n}\n",
	    p, v);
}

static void
jobuild(unsigned p, unsigned v, unsigned flows, unsigned change)
{
	unsigned extends = p % 3 == 0;
	char full[2 * NAME];
	const char *name;

	package(p, full);
	name = strchr(full, '/') + 1;
	if (extends)
		add("EXTENDS=\"base/flow%u-1.%u\"\n", p % flows, v % 2);
	add("# Number %u of the tree, change %u.\n"
	    "DESCRIPTION=\"Build and test number %u, which others need\"\n"
	    "HOMEPAGE=\"https://example.org/${PN}\"\n"
	    "_upstream=${PV%%.*}.%u\n",
	    p, change, p, draw(90));
	if (p % 5 < 2)
		add("SRC_URI=\"https://example.org/${PN}-${_upstream}.tar.gz "
		    "-> ${P}.tar.gz\"\n");
	add_deps(p);
	add("REQUIRES='gcc>=12 python>=3.%u'\n"
	    "RESOURCES=\"memory=%uG time=2h silence=20m\"\n",
	    p % 12, 1 + p % 8);
	if (extends)
		add("\n_goal=%u\n"
		    "prepare() { edo ./autogen.sh --level=\"${_goal}.%u\"; }\n",
		    p, v);
	else
		add_body(p, v);
	put("%s/%s-1.%u.jobuild", full, name, v);
}

static void
signatures(const char *full, const char *what)
{
	add_signature();
	put("%s/%s.asc", full, what);
}

static void
manifest(const char *full, const char *name, unsigned versions)
{
	unsigned v;

	for (v = 0; v < versions; v++) {
		add("DIST %s-1.%u.tar.gz %u BLAKE2B ", name, v,
		    1000 + draw(1000000));
		add_noise("0123456789abcdef", 16, 128);
		add(" SHA512 ");
		add_noise("0123456789abcdef", 16, 128);
		add("\n");
	}
	put("%s/Manifest", full);
	signatures(full, "Manifest");
}

static unsigned
one_package(unsigned p, unsigned flows)
{
	unsigned versions = 1 + (p * 7 + p / 5) % 4, v;
	char full[2 * NAME], file[2 * NAME];
	const char *name;

	if (p % PER_USER == 0) {
		add("key of dev%u\n", p / PER_USER);
		put("dev%u/dev%u.asc", p / PER_USER, p / PER_USER);
	}
	package(p, full);
	name = strchr(full, '/') + 1;
	for (v = 0; v < versions; v++) {
		jobuild(p, v, flows, 0);
		snprintf(file, sizeof(file), "%s-1.%u.jobuild", name, v);
		signatures(full, file);
	}
	if (p % 5 < 2)
		manifest(full, name, versions);
	return versions;
}

static void
templates(unsigned flows)
{
	unsigned i, v;

	add("key of base\n");
	put("base/base.asc");
	for (i = 0; i < flows; i++) {
		for (v = 0; v < 2; v++) {
			add("DESCRIPTION=\"The way of kind %u\"\n"
			    "BLOCKS=\"prepare check\"\nARCH=\"amd64 arm64\"\n",
			    i);
			add("prepare() { :; }\ncheck() { emake check; }\n");
			add_body(i, v);
			put("base/flow%u/flow%u-1.%u.template", i, i, v);
		}
	}
}

static void
begin(const char *branch, unsigned mark, const char *from)
{
	printf("commit refs/heads/%s\nmark :%u\n"
	       "committer A <a@example.org> 1700000000 +0000\n"
	       "data 2\nx\n%s",
	    branch, mark, from);
}

int
main(int argc, char *argv[])
{
	unsigned want, changes, flows, p, n, i;

	if (argc < 2 || argc > 3) {
		fputs("usage: treegen JOBUILDS [CHANGES]\n", stderr);
		return 2;
	}
	want = (unsigned)strtoul(argv[1], NULL, 10);
	changes = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	flows = 1 + want / PER_FLOW;
	begin("main", 1, "");
	templates(flows);
	for (p = n = 0; n < want; p++)
		n += one_package(p, flows);
	begin("next", 2, "from :1\n");
	for (i = 0; i < changes; i++)
		jobuild(draw(p), 0, flows, i + 1);
	puts("done");
	return ferror(stdout) != 0;
}
