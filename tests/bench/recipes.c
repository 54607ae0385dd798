/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes per second: parse and evaluate files of about 1 kB, from memory.
 *	recipes [FILE...]	the files named, else a typical one
 *	recipes -p		print the typical one
 *	recipes -w		files of 128 KiB made to be slow: the slowest
 * Prints the median of seven runs of one second's worth.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "recipe/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS 7

static const char typical[] =
    "# A recipe of the usual size.\n"
    "DESCRIPTION=\"Build and test the library that everything needs\"\n"
    "HOMEPAGE=\"https://example.org/${PN}\"\n"
    "_upstream=${PV%.*}.7\n"
    "SRC_URI=\"https://example.org/${PN}-${_upstream}.tar.gz -> "
    "${P}.tar.gz mirror://debian/pool/main/l/lib/lib_${_upstream//./-}.tar.xz\"\n"
    "DEPEND=\"core/toolchain >=core/zlib-1.2 || ( core/tls media/tls )\"\n"
    "SIDEPEND=\"media/fonts\"\n"
    "REQUIRES='gcc>=12 python>=3.9'\n"
    "RESOURCES=\"memory=2G time=2h silence=20m\"\n"
    "\n"
    "job_unpack() {\n"
    "\tdefault\n"
    "\tmv lib-* \"${S}\" || die \"no folder\"\n"
    "}\n"
    "\n"
    "job_run() {\n"
    "\tlocal option\n"
    "\tfor option in shared static; do\n"
    "\t\tif [[ ${option} == static ]]; then\n"
    "\t\t\tedo ./configure --disable-shared\n"
    "\t\telse\n"
    "\t\t\tedo ./configure --prefix=/usr\n"
    "\t\tfi\n"
    "\t\temake\n"
    "\t\temake check | tee check.log\n"
    "\t\tpipestatus || die \"make check: $(tail -n 1 check.log)\"\n"
    "\tdone\n"
    "\tcat >notes <<-X\n"
    "\t\tbuilt ${P} in ${WORKDIR}\n"
    "\tX\n"
    "}\n"
    "\n"
    "job_collect() {\n"
    "\temake DESTDIR=\"${T}/image\" install\n"
    "\tartifact notes\n"
    "\tresult \"tests=$(grep -c '^PASS' check.log)\"\n"
    "}\n";

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
read_one(const char *text, size_t len)
{
	struct recipe_id id = {"core", "lib", {1, 0}};
	struct arena a = {0};
	struct diags d;
	struct recipe *r;

	diags_init(&d, &a);
	r = recipe_parse(&a, "core/lib/lib-1.0.jobuild", text, len, &d);
	if (!r || !recipe_eval(&a, &r, 1, &id, RECIPE_JOBUILD, &d)) {
		diags_print(&d, stderr);
		exit(1);
	}
	arena_release(&a);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
measure(const char *name, const char *text, size_t len)
{
	double rates[RUNS], begin, used;
	int i, n;

	for (i = 0; i < RUNS; i++) {
		begin = now();
		n = 0;
		do {
			read_one(text, len);
			n++;
			used = now() - begin;
		} while (used < 1);
		rates[i] = n / used;
	}
	qsort(rates, RUNS, sizeof(rates[0]), by_value);
	printf("%s (%zu bytes): %.0f recipes/s (%.0f to %.0f, %d runs)\n", name,
	    len, rates[RUNS / 2], rates[0], rates[RUNS - 1], RUNS);
}

/* A part that is repeated, with what stands before and after. */
static const struct hostile {
	const char *before, *part, *after;
} hostile[] = {
    {"", "a\n", ""},
    {"", "a;", ""},
    {"", "_a=b\n", ""},
    {"", "_a+=$_a\n", ""},
    {"", "a=$(b)\n", ""},
    {"", "<a\n", ""},
    {"", "a|a\n", ""},
    {"", "f()(a)\n", ""},
    {"", "a <<E\n\nE\n", ""},
    {"", "((", ""},
    {"", "$((", ""},
    {"", "\"", ""},
    {"_a=${", "a", "}"},
    {"_a=", "${a-", ""},
    {"_a=", "$(a)", ""},
    {"_a=", "\\\n", ""},
    {"_a=aaaaaaaaaaaaaaaaaaaaaaaa\n_b=\"", "${_a//a/b}", "\""},
    {"_a=aaaaaaaaaaaaaaaaaaaaaaaa\n_b=", "${_a%%*a*b}", ""},
    {"_a=aaaaaaaaaaaaaaaaaaaaaaaa\n_b=${_a/", "*a", "b/}"},
    {"a=(", "1 ", ")"},
    {"case a in ", "a) ;;", "esac"},
    {"DEPEND=\"", "( ", "\""},
    {"DEPEND=\"", "a/b ", "\""},
    {"SRC_URI=\"", "https://a/b ", "\""},
    {"BLOCKS=\"", "a ", "\""},
    {"f() {\n", "((a);(b));", "}\n"},
    {"f() {\n((a;((a;((a;((a;((a;((a;((a;((a;", "a;",
	") )) )) )) )) )) )) )) )\n}\n"},
    {"f() {\n", "$($($($($($(a))))))\n", "}\n"},
    {"f() {\n", "[[ a ]]\n", "}\n"},
    {"f() {\n", "a $(b <<E)\nE\n", "}\n"},
    {"f() {\n", "if a;then b;fi\n", "}\n"},
    {"f() {\na=(", "$(a) ", ")\n}\n"},
    {"f() {\n: ", "<(a) ", "\n}\n"},
    {"f() {\ncase x in a", "|a", ") ;; esac\n}\n"},
    {"", "1a=b\n", ""},
    {"", "_a=$_b\n", ""},
    {"f() { :; }\n", "f() { :; }\n\n\n\n\n", ""},
    {"_a=aaaaaaaaaaaaaaaaaaaaaaaa\n_b=", "${_a^^}", "\n"},
    {"_a=aaaaaaaaaaaaaaaaaaaaaaaa\n_b=${_a//", "[[:alpha:]]", "}\n"},
    {"_a=", "$'\\x41'", "\n"},
};

static double
milliseconds(const char *text, size_t len)
{
	struct recipe_id id = {"core", "lib", {1, 0}};
	struct arena a = {0};
	struct recipe *r;
	struct diags d;
	double begin = now();

	diags_init(&d, &a);
	r = recipe_parse(&a, "hostile", text, len, &d);
	if (r)
		recipe_eval(&a, &r, 1, &id, RECIPE_TEMPLATE, &d);
	arena_release(&a);
	return (now() - begin) * 1000;
}

static void
worst(void)
{
	const struct hostile *h, *slowest = hostile;
	double most = 0, once, best;
	struct buf b;
	size_t i, k;

	buf_init(&b, RECIPE_FILE_MAX);
	for (i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		h = &hostile[i];
		b.len = 0;
		buf_adds(&b, h->before);
		while (b.len + strlen(h->part) + strlen(h->after) <= b.max)
			buf_adds(&b, h->part);
		buf_adds(&b, h->after);
		for (k = 0, best = 0; k < 5; k++) {
			once = milliseconds(b.data, b.len);
			if (k == 0 || once < best)
				best = once;
		}
		if (best > most) {
			most = best;
			slowest = h;
		}
	}
	printf("%-46s %.1f ms (%zu kinds; it repeats %.*s)\n",
	    "  slowest file of 128 KiB", most,
	    sizeof(hostile) / sizeof(*hostile),
	    (int)strcspn(slowest->part, "\n"), slowest->part);
	buf_release(&b);
}

int
main(int argc, char *argv[])
{
	struct error err;
	struct buf b;
	int i;

	if (argc == 2 && strcmp(argv[1], "-p") == 0)
		return fputs(typical, stdout) < 0;
	if (argc == 2 && strcmp(argv[1], "-w") == 0) {
		worst();
		return 0;
	}
	if (argc < 2)
		measure("typical", typical, sizeof(typical) - 1);
	for (i = 1; i < argc; i++) {
		buf_init(&b, RECIPE_FILE_MAX);
		if (file_read(argv[i], &b, &err) < 0) {
			fprintf(stderr, "recipes: %s\n", err.msg);
			return 1;
		}
		measure(argv[i], b.data, b.len);
		buf_release(&b);
	}
	return 0;
}
