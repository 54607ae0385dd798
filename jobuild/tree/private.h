/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sources of this room share about struct tree. A folder is the list
 * of one directory of the revision, read when it is first asked for, from a
 * git tree (folder.c) or from the work tree (work.c). A node is one file that
 * was read. All memory is the tree's.
 */
#ifndef TREE_PRIVATE_H
#define TREE_PRIVATE_H

#include "tree/files.h"
#include "tree/git.h"
#include "tree/index/record.h"
#include "tree/tree.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"

#include <sys/types.h>

#define FOLDER_ENTRIES_MAX 200000             /* in one directory */
#define TREE_ENTRIES_MAX   1000000            /* in all that are read */
#define FOLDER_BYTES_MAX   (16 * 1024 * 1024) /* of a git tree object */
#define KEPT_MAX           (12 * 1024 * 1024) /* bytes, then it is emptied */
#define PACKED_MAX         (12 * 1024 * 1024) /* bytes, then no more is kept */

enum entry_kind {
	ENTRY_FILE,
	ENTRY_FOLDER,
	ENTRY_LINK,
	ENTRY_SUBMODULE, /* a commit, or a repository in a work tree */
	ENTRY_OTHER,     /* a device, a pipe: in a work tree only */
	ENTRY_BAD        /* a name that no file may have, or a second one */
};

struct entry {
	const char *name;
	git_oid oid;         /* in a work tree zero until stamp_entry() */
	unsigned kind : 3;   /* enum entry_kind */
	unsigned stored : 1; /* a sparse checkout leaves it out: git has it */
	unsigned runs : 1;   /* a program, in a work tree */
	unsigned tried : 1;  /* to find its id there */
	unsigned known : 26; /* bytes of the file, and one; 0: not known */
};

#define ENTRY_KNOWN_MAX ((1 << 26) - 2) /* bytes of a file that fit there */

struct folder {
	struct entry *entries; /* sorted by name */
	size_t n;
};

/* One file: what was read and, if it is a recipe or Manifest, parsed. */
struct node {
	struct tree_file file;
	struct recipe *recipe;
	struct manifest *manifest;
	bool parsed;          /* or tried to */
	struct diags trouble; /* what parsing said */
};

/* Paths of the files below a files/. */
struct files_list {
	struct arena *arena;
	const char **paths;
	size_t n;
};

/* The files/ of a package and what its AUX lines say. */
struct support {
	struct tree_file **files; /* sorted by path */
	size_t n;
	bool known, good;
	struct diags trouble;
};

/* What was found out about one recipe when it was first asked for. */
struct ready {
	enum { READY_UNKNOWN, READY_GOOD, READY_BROKEN } state;
	bool advised;        /* the rules of lint say nothing about it */
	struct bytes record; /* see record.h */
	bool stored;         /* the record is the index's: to be checked */
	struct tree_recipe *recipe; /* out of the record; NULL: not yet */
	struct diags *trouble;      /* NULL: none */
};

/* What the index says of a recipe without its record being read. */
enum { VOUCH_GOOD = 1, VOUCH_ADVISED = 2 };

/* A folder user/name with recipes. */
struct package {
	struct tree_package list;
	const char *path;     /* user/name */
	git_oid oid;          /* of the folder; zero: not known */
	const char *vouched;  /* by slot; NULL: ready has it */
	struct ready **ready; /* by slot: jobuilds, then templates */
	struct support support;
	bool tidy;   /* its layout was checked: nothing is wrong */
	bool stored; /* the index has it */
	bool fresh;  /* more is known than the index has */
};

struct tree {
	struct arena arena; /* holds the struct itself */
	git_repository *repo;
	git_odb *odb;
	git_index *index;      /* of a work tree: what is tracked */
	int workfd;            /* -1: a revision */
	struct timespec noted; /* when git wrote that */
	bool converts;         /* git keeps other bytes than files have */
	bool attributes;       /* of some files, as its attributes say */
	bool moved;            /* the work tree changes while it is read */
	bool sparse;           /* git may know files that aren't there */
	bool drafted;          /* one of them is yet to be written */
	bool partial;          /* of a pack, which lacks all else */
	size_t bytes;          /* of the objects that came with it */
	char commit[OBJECT_HEX];
	git_oid commit_oid, root_oid;
	struct map folders;   /* by path, "" is the root; NULL: is none */
	struct map nodes;     /* by path: files that were asked for */
	struct map users;     /* struct user by name */
	struct map packages;  /* struct package by "user/name" */
	struct package *last; /* that was asked for */
	struct map names;     /* of users and packages, each once */
	struct tree_package *all;
	size_t nall;
	bool listed;
	struct index *cache;
	int64_t day; /* since 1970, for the index; 0: it isn't written */
	pid_t owner; /* the process that writes it */
	struct error damage; /* an object of the repository can't be read */
	size_t nentries;     /* of the folders that were read, or known */
	/*
	 * What evaluation needs on the way: kept has parents and their
	 * Manifests by path and is emptied when it has grown, own has the
	 * Manifest of the package at hand, leaf is for one recipe.
	 */
	struct arena kept_arena, own_arena, leaf;
	struct map kept;
	const struct package *at_hand;
	struct node *own; /* its Manifest; NULL: not read */
	bool at_leaf;     /* the next recipe that is read is at hand */
	struct buf record;
	/* Commit and folders as packs have them, by the id's bytes. */
	struct arena packed_arena;
	struct map packed;
	/* The records of the package that is told, which is forgotten then. */
	struct arena told;
	bool tells;
};

/* The folder at path, or NULL if there is none (t->damage if unreadable). */
const struct folder *folder_get(struct tree *t, const char *path);

/*
 * Count n more entries. -1 with t->damage: there are too many, and no further
 * folder is read. A few small objects of git can stand for millions.
 */
int tree_count(struct tree *t, size_t n);
bool tree_is_full(const struct tree *t);

/* The entry at path or NULL. Entries that are no plain names aren't found. */
struct entry *folder_entry(struct tree *t, const char *path);
struct entry *folder_find(const struct folder *f, const char *name);

/* Is the object of this entry there? Only a tree of a pack lacks some. */
bool entry_present(struct tree *t, const struct entry *e);

/* Bytes of the file at path, which the entry remembers; -1 with err. */
int64_t entry_size(
    struct tree *t, const char *path, struct entry *e, struct error *err);

/* For folder.c: read one list from a work tree; the file's bytes from it. */
int work_list(
    struct tree *t, const char *path, struct folder *f, struct error *err);
int work_read(struct tree *t, struct arena *a, const char *path, size_t max,
    struct tree_file *f, struct error *err);
int64_t work_size(struct tree *t, const char *path, struct error *err);

/* Append; entries are sorted and bad names marked by folder_get(). */
struct entry *folder_add(
    struct arena *a, struct folder *f, const char *name, enum entry_kind kind);

/*
 * The file at path, read; NULL with err if it isn't there (err->code ENOENT)
 * or too large (EFBIG).
 */
struct node *
node_get(struct tree *t, const char *path, size_t max, struct error *err);

/* err says so as the layout's check does, and has EFBIG; -1. */
int fail_too_large(struct error *err, size_t size, size_t max);

/* What is to be said where a maintainer's folder lacks the key. */
#define NO_KEY "is missing: the maintainer's public key"

/* Is the file there (and its object)? */
bool node_exists(struct tree *t, const char *path);

/* Put those of the list's diagnostics into d that it hasn't yet. */
void tell(const struct diags *list, struct diags *d);

/* The same for what t->damage says, if it says something. */
void tell_damage(struct tree *t, struct diags *d);

/*
 * Read the file at path into an arena, without its digest; NULL with err as
 * node_get().
 */
struct node *node_read(struct tree *t, struct arena *a, const char *path,
    size_t max, struct error *err);

/* A file can't be read: the layout may say the same. */
void tell_unread(const char *path, const struct error *err, struct diags *d);

/*
 * The parsed recipe or Manifest at path, until the next recipe is evaluated;
 * NULL with diagnostics in d.
 */
struct node *node_recipe(struct tree *t, const char *path, struct diags *d);
struct node *node_manifest(struct tree *t, const char *path, struct diags *d);

/* The digest of a file whose text is there. */
void file_digest(struct tree_file *f);

/* A name of a user or package that lasts as long as the tree. */
const char *tree_name(struct tree *t, const char *name);

/* The package at user/name, or NULL if there is no recipe. */
struct package *package_get(struct tree *t, const char *user, const char *name);

/*
 * What is known about one of its recipes; NULL if it has no such. What the
 * index vouches for in passing (VOUCH_ flags) can be had for less.
 */
struct ready *package_ready(struct tree *t, struct package *p,
    struct version ver, enum recipe_kind kind);
unsigned package_vouched(
    const struct package *p, struct version ver, enum recipe_kind kind);

/* Read what the index has about it, if that was put off. */
void package_wake(struct tree *t, struct package *p);

/* More is known about it than the index has. */
void package_learned(struct tree *t, struct package *p);

/* files/ of the package, its AUX lines checked; NULL with diagnostics in d. */
const struct support *
support_get(struct tree *t, struct package *p, struct diags *d);

/*
 * Put the files below the files/ at path into l. -1: something is there that
 * may not be, as d says.
 */
int files_check(
    struct tree *t, const char *path, struct files_list *l, struct diags *d);

/*
 * The object of the folder or file at path, zero if there is none or nobody
 * knows.
 */
git_oid object_at(struct tree *t, const char *path);

/* "folder/name" */
const char *path_join(struct arena *a, const char *folder, const char *name);

/* Path of a recipe, "user/name/name-ver.jobuild". */
const char *
recipe_path(struct arena *a, const struct recipe_id *id, enum recipe_kind kind);

/*
 * Split a file name of the folder user/name: true when it is name-ver with
 * the suffix of a jobuild or a template.
 */
bool recipe_name(const char *file, const char *name, struct version *ver,
    enum recipe_kind *kind);

/* For tree_recipe(): DIST entries, Manifests and files/ of r. */
int recipe_sources(
    struct tree *t, struct package *p, struct tree_recipe *r, struct diags *d);

/* A tree over these objects, which it takes over, for the packs' check. */
struct tree *tree_new(git_repository *repo);
int tree_set_commit(struct tree *t, const git_oid *oid, struct error *err);

/*
 * Is the layout of the package right? What isn't is not said (see
 * tree_check_layout()).
 */
void package_check_layout(struct tree *t, struct package *p);

#endif
