/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sources of this room share about struct tree. A folder is the list
 * of one directory of the revision, read when it is first asked for, from a
 * git tree (folder.c) or from the work tree (work.c). A node is one file that
 * was read. All memory is the tree's arena.
 */
#ifndef TREE_PRIVATE_H
#define TREE_PRIVATE_H

#include "tree/git.h"
#include "tree/tree.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"

#define FOLDER_ENTRIES_MAX 200000             /* in one directory */
#define FOLDER_BYTES_MAX   (16 * 1024 * 1024) /* of a git tree object */
#define FILE_MAX           (1024 * 1024)      /* of files that aren't recipes */
#define FILES_DEPTH_MAX    8                  /* folders below files/ */
#define FILES_MAX          1000               /* files in one files/ */

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
	enum entry_kind kind;
	git_oid oid; /* zero in a work tree */
};

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

/* A recipe with what was found when it was first asked for. */
struct ready {
	struct tree_recipe recipe;
	bool good;
	struct diags trouble;
};

/* The files/ of a package and what its AUX lines say. */
struct support {
	struct tree_file **files;
	size_t n;
	bool good;
	struct diags trouble;
};

struct tree {
	struct arena arena; /* holds the struct itself */
	git_repository *repo;
	git_odb *odb;
	git_index *index; /* of a work tree: what is tracked */
	int workfd;       /* -1: a revision */
	bool partial;
	char commit[OBJECT_HEX];
	git_oid commit_oid, root_oid;
	struct map folders;  /* by path, "" is the root; NULL: is none */
	struct map nodes;    /* by path */
	struct map recipes;  /* struct ready by path */
	struct map supports; /* struct support by "user/name" */
	struct map packages; /* struct tree_package by "user/name" */
	struct tree_package *all;
	size_t nall;
	bool listed;
	struct error damage; /* an object of the repository can't be read */
};

/* The folder at path, or NULL if there is none (t->damage if unreadable). */
const struct folder *folder_get(struct tree *t, const char *path);

/* The entry at path or NULL. Entries that are no plain names aren't found. */
const struct entry *folder_entry(struct tree *t, const char *path);
const struct entry *folder_find(const struct folder *f, const char *name);

/* Is the object of this entry there? Only a partial repository lacks some. */
bool entry_present(struct tree *t, const struct entry *e);

/* Bytes of the file at path; -1 with err. */
int64_t entry_size(
    struct tree *t, const char *path, const struct entry *e, struct error *err);

/* For folder.c: read one list from a work tree; the file's bytes from it. */
int work_list(
    struct tree *t, const char *path, struct folder *f, struct error *err);
int work_read(struct tree *t, const char *path, size_t max, const char **text,
    size_t *len, struct error *err);
int64_t work_size(struct tree *t, const char *path, struct error *err);

/* Append; entries are sorted and bad names marked by folder_get(). */
void folder_add(struct arena *a, struct folder *f, const char *name,
    enum entry_kind kind, const git_oid *oid);

/*
 * The file at path, read; NULL with err if it isn't there (err->code ENOENT)
 * or too large.
 */
struct node *
node_get(struct tree *t, const char *path, size_t max, struct error *err);

/* Is the file there (and its object)? */
bool node_exists(struct tree *t, const char *path);

/* Put those of the list's diagnostics into d that it hasn't yet. */
void tell(const struct diags *list, struct diags *d);

/* The same for what t->damage says, if it says something. */
void tell_damage(struct tree *t, struct diags *d);

/* The parsed recipe or Manifest at path; NULL with diagnostics in d. */
struct node *node_recipe(struct tree *t, const char *path, struct diags *d);
struct node *node_manifest(struct tree *t, const char *path, struct diags *d);

/* files/ of user/name, its AUX lines checked; NULL with diagnostics in d. */
const struct support *support_get(
    struct tree *t, const char *user, const char *name, struct diags *d);

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
int recipe_sources(struct tree *t, struct tree_recipe *r, struct diags *d);

/* A tree over these objects, which it takes over, for the packs' check. */
struct tree *tree_new(git_repository *repo);
int tree_set_commit(struct tree *t, const git_oid *oid, struct error *err);

/* Is this the name of a folder of maintainers (overlays/ is none)? */
bool is_user(const char *name);

#endif
