/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The jobtage tree at one revision, read from git objects (libgit2): which
 * packages and versions there are, and each recipe parsed and evaluated with
 * its chain, once. No work tree is needed. A tree owns everything that it
 * hands out, until tree_close().
 */
#ifndef TREE_TREE_H
#define TREE_TREE_H

#include "recipe/recipe.h"
#include "tree/manifest.h"

#include <time.h>

struct buf;
struct error;
struct git_repository;
struct keyring;
struct notary;
struct tree;

#define OBJECT_HEX 41 /* a SHA-1 object id in hex and a NUL */

/* One file of a revision. */
struct tree_file {
	const char *path; /* user/name/name-ver.jobuild */
	const char *user;
	char blob[OBJECT_HEX]; /* git's id */
	char digest[KEY_HEX];  /* DIGEST_KEY of its bytes */
	const char *text;      /* of a tree_recipe's: NULL before tree_load() */
	size_t len;
};

/* All versions of one user/name, newest first. */
struct tree_package {
	const char *user, *name;
	struct version *versions; /* of jobuilds */
	size_t nversions;
	struct version *templates; /* of templates */
	size_t ntemplates;
};

/* A jobuild or template, ready. */
struct tree_recipe {
	struct recipe_id id;
	enum recipe_kind kind;
	struct tree_file *chain[RECIPE_CHAIN_MAX]; /* root first, leaf last */
	size_t nchain;
	const struct metadata *meta;
	/* sources then portconf of meta, in that order: their DIST entries */
	const struct manifest_entry **dist;
	size_t ndist;
	/* the leaf's files/ with their AUX entries checked, sorted by path */
	struct tree_file **aux;
	size_t naux;
	/* Manifests that dist and aux were found in, one per package, sorted */
	struct tree_file **manifests;
	size_t nmanifests;
};

/*
 * Open revision rev (branch, tag, id; NULL: HEAD) of the repository at path
 * (bare or not), or, with tree_open_work(), what its work tree has now,
 * committed or not. -1 with err if there is no such thing.
 */
int tree_open(
    struct tree **out, const char *path, const char *rev, struct error *err);
int tree_open_work(struct tree **out, const char *path, struct error *err);

/* A recipe that is about to be written. */
struct tree_draft {
	const char *path; /* user/name/name-ver.jobuild */
	const char *text;
	size_t len;
};

/*
 * tree_open_work() as it would be with the draft written, where nothing is in
 * its place, and with all sources and files/ measured into the Manifests. An
 * index is only read. -1 also when git would ignore the file.
 */
int tree_open_draft(struct tree **out, const char *path,
    const struct tree_draft *draft, struct error *err);

/*
 * Do what the first tree_open() of a process would, so that children that are
 * forked later need not: it takes milliseconds.
 */
int tree_warm_up(struct error *err);

/*
 * tree_open() with a further folder of objects, as that in which git keeps what
 * is being pushed until its hooks have agreed. NULL: none.
 */
int tree_open_with(struct tree **out, const char *path, const char *rev,
    const char *objects, struct error *err);
void tree_close(struct tree *t);

/* Is it a clone that git brings objects into when it needs them? */
bool tree_is_promised(struct git_repository *repo);

#define LACKS_OBJECT "a partial clone lacks its object: clone without --filter"

/*
 * Does a sparse checkout leave out the file at path, or something below the
 * folder? It can be read, as the index has it, but is not there to be written.
 */
bool tree_leaves_out(struct tree *t, const char *path);

/*
 * The top of the repository that path is in, as the two above want it: the
 * work tree, or the folder of a bare repository. -1 with err when it can't be
 * opened (code ENOENT: it is in none).
 */
int tree_discover(
    struct arena *a, const char *path, const char **out, struct error *err);

/* The commit's id (40 hex digits); "" for a work tree. */
const char *tree_commit(const struct tree *t);

/* Is this the name of a maintainer's folder (overlays/ is none)? */
bool tree_user_valid(const char *name);

/* All packages, sorted by user and name. */
const struct tree_package *tree_packages(const struct tree *t, size_t *n);

/*
 * Could all be listed? -1 with err when the tree has more files and folders
 * than anybody may be made to look at; it has no good recipe then.
 */
int tree_listed(const struct tree *t, struct error *err);

/* One of them, or NULL. */
const struct tree_package *
tree_package(const struct tree *t, const char *user, const char *name);

/*
 * Parse and evaluate with the chain, find the Manifest entries and check
 * files/ against its AUX lines. NULL when something is wrong with it. What is
 * found is kept; its diagnostics are added to d, those that d has already
 * aren't, so that one cause is told once however many recipes it breaks. Of a
 * template only chain and values are looked at.
 */
const struct tree_recipe *tree_recipe(struct tree *t,
    const struct recipe_id *id, enum recipe_kind kind, struct diags *d);

/*
 * The file at a path, at most 1 MiB; NULL with err (code ENOENT if the
 * revision has no such plain file).
 */
const struct tree_file *
tree_file(struct tree *t, const char *path, struct error *err);

/*
 * Fill in the text of a file of a recipe, which stays until tree_close(); -1
 * with err when it can't be read, or isn't what the recipe was made of (in a
 * work tree).
 */
int tree_load(struct tree *t, const struct tree_file *f, struct error *err);

/*
 * As tree_recipe(), but only whether it is good: for who looks at a whole
 * tree, this costs less time and memory.
 */
bool tree_check_recipe(struct tree *t, const struct recipe_id *id,
    enum recipe_kind kind, struct diags *d);

/*
 * Add to d what the rules of recipe/lint.h say about a good recipe, and what
 * tree_recipe() warned of unless a comment silences it. That there is nothing
 * to say is remembered; tree_advised() is for who found it out in
 * another process.
 */
void tree_advise(struct tree *t, const struct recipe_id *id,
    enum recipe_kind kind, struct diags *d);
void
tree_advised(struct tree *t, const struct recipe_id *id, enum recipe_kind kind);

/*
 * An index file keeps what is known about packages that are good, by the ids
 * of git's objects, so that only what differs is read and evaluated again. It
 * changes no answer. What is wrong with the file is no error: it counts as
 * empty then (damaged, of another version of this program, somebody else's).
 * To be called before anything else is asked. The tree of a pack has none:
 * nothing happens. In a work tree a file is read only when git's own record of
 * it (size, times) doesn't hold any more, or when its text is wanted.
 *
 * tree_close() writes what is new to the file, in the process that called
 * this; now and then the whole file, without entries that weren't used for a
 * month (now is in seconds; 0: the file is only read). tree_save_index() does
 * it at once, once, and tells what went wrong. While another process writes,
 * what is new is dropped, which is no error.
 */
void tree_use_index(struct tree *t, const char *file, time_t now);
int tree_save_index(struct tree *t, struct error *err);

/*
 * For who looks at a whole tree by several processes: tree_tell_package() has
 * package i of tree_packages() checked, its layout and its recipes, and appends
 * what came out as bytes, which the tree itself forgets unless it was asked for
 * before; tree_take_package() in another process with the same tree takes it
 * over. What is wrong with it isn't among that: it is found again by who asks
 * for it. tree_knows_package(): the index had it.
 */
bool tree_knows_package(const struct tree *t, size_t i);
void tree_tell_package(struct tree *t, size_t i, struct buf *out);
void tree_take_package(struct tree *t, size_t i, const char *data, size_t len);

/*
 * Check the layout of the whole tree: files that belong nowhere, links,
 * submodules, names that differ only in case, what is too large, a private key
 * in the place of a public one. At the top README*, LICENSE*, COPYING* and dot
 * files may stand; overlays/ is ignored.
 */
void tree_check_layout(struct tree *t, struct diags *d);

/*
 * Verify the signatures of everything that these recipes consist of: chains
 * and Manifests. Every signer's primary fingerprint must be the keyring's for
 * the user whose folder the file is in. Errors go to d; -1 if there was one.
 * now decides about expiry.
 */
int tree_verify(struct tree *t, const struct tree_recipe *const list[],
    size_t n, const struct keyring *k, time_t now, struct diags *d);

/*
 * The same by a notary, who may remember verdicts. How many of the recipes are
 * good.
 */
size_t tree_verify_by(struct notary *notary, struct tree *t,
    const struct tree_recipe *const list[], size_t n, const struct keyring *k,
    time_t now, struct diags *d);

/*
 * Write a pack (git's format) with the commit, the trees on the way and the
 * blobs of these recipes: chains, their Manifests, signatures, files/ and the
 * keys of their users. Nothing else of the repository is in it; the same
 * recipes make the same bytes. A work tree can't be packed.
 */
#define TREE_PACK_MAX ((size_t)64 << 20) /* bytes of a pack */
int tree_pack(struct tree *t, const struct tree_recipe *const list[], size_t n,
    int fd, struct error *err);

/*
 * Open the pack of these jobuilds of commit, which is in memory from then on.
 * It is proved first, by itself: object ids are recomputed, and it must have
 * exactly the objects that tree_pack() would have written. Deltas, what is
 * missing and what doesn't belong are refused. The tree works for these
 * recipes; other entries of its folders count as absent.
 */
int tree_open_pack(struct tree **out, const char *commit,
    const struct recipe_id *ids, size_t n, const struct buf *pack,
    struct error *err);

/* About how many bytes of memory such a tree has. */
size_t tree_bytes(const struct tree *t);

#endif
