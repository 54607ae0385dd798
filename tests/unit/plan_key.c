/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Content keys of a known tree, frozen: layers are kept by them, results are
 * found by them, and masters and slaves of different versions meet.
 */
#include "plan/plan.h"
#include "repo.h"
#include "tap.h"

/*
 * When one of these fails, other keys are made for the same inputs. If that
 * wasn't meant, mend it. If it was: raise KEY_FORMAT in plan/plan.h, set
 * KEY_OLDEST there to the format before, and write here what came out.
 */
static const struct {
	const char *atom, *key;
} frozen[] = {
    {"base/lib-1.0",
	"0f88b8c5415943b781462192426caa7129be98d3b61feff4f8e7101945b8f517"},
    {"base/net-1.0",
	"1055a46643de75e53037f5c02da67c1390448666d8655542b278c2eac3562b84"},
    {"base/nest-1.0",
	"7d8db1f25241fe91f80dda5710ccd6fcd8a43e680431258638866b6d51c3395f"},
    {"base/app-2.1",
	"5f3bbb09e0092e4ff1e95f98d6eec3b8109d7665858fb0cace55c5d1e5b14c7d"},
};

static void
make_tree(void)
{
	put("base/base.asc", "key\n");
	put("base/flow/flow-1.0.template",
	    "DESCRIPTION=\"flow\"\n"
	    "SRC_URI=\"https://example.org/flow-1.tar.gz\"\n");
	put("base/flow/Manifest", line_of("DIST", "flow-1.tar.gz", "tar one"));
	put("base/lib/lib-1.0.jobuild",
	    "EXTENDS=\"base/flow-1.0\"\nDESCRIPTION=\"library\"\n"
	    "SRC_URI+=\" https://example.org/lib-1.tar.gz\"\n"
	    "job_run() { :; }\n");
	put("base/lib/Manifest",
	    arena_printf(&repo_arena, "%s%s%s",
		line_of("DIST", "lib-1.tar.gz", "tar two"),
		line_of("AUX", "fix.patch", "--- a\n+++ b\n"),
		line_of("AUX", "deep/er", "x")));
	put("base/lib/files/fix.patch", "--- a\n+++ b\n");
	put("base/lib/files/deep/er", "x");
	put("base/net/net-1.0.jobuild",
	    "DESCRIPTION=\"net\"\nPROPERTIES=\"network:job_setup\"\n");
	put("base/nest/nest-1.0.jobuild",
	    "DESCRIPTION=\"nest\"\nPROPERTIES=\"nest network\"\n");
	put("base/app/app-2.1.jobuild",
	    "DESCRIPTION=\"app\"\nDEPEND=\"base/lib base/net base/nest\"\n"
	    "REQUIRES=\"python\"\n");
	ok(commit(), "a tree");
}

static const char *
stage_digest(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return "00112233445566778899aabbccddeeff"
	       "00112233445566778899aabbccddeeff";
}

int
main(void)
{
	static const char *const parameters[] = {"B=2", "A=one two", NULL};
	struct plan_request req = {.root = {.op = ATOM_EQ},
	    .arch = "amd64",
	    .default_stage = "small",
	    .stage_digest = stage_digest,
	    .parameters = parameters};
	struct plan_source src;
	struct plan *p;
	struct diags d;
	struct tree *t;
	size_t i;

	repo_begin();
	make_tree();
	t = open_tree(repo_path, "HEAD");
	src = plan_tree_source(&repo_arena, t);
	req.root.id = id_of("base/app-2.1");
	diags_init(&d, &repo_arena);
	p = plan_make(&repo_arena, &src, &req, &d);
	ok(p && p->nunits == 1 && p->units[0].nsteps == 4,
	    "its plan: one unit of four steps");
	for (i = 0; p && i < p->units[0].nsteps; i++) {
		is(id_format(&repo_arena, &p->units[0].steps[i].meta->id),
		    frozen[i].atom, "a step");
		is(p->units[0].steps[i].key, frozen[i].key,
		    "has the key that was frozen");
	}
	is_int(KEY_FORMAT, 3, "the keys above are of this format");
	ok(KEY_OLDEST <= KEY_FORMAT, "whose slaves are taken");
	tree_close(t);
	repo_end();
	return tap_done();
}
