/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names that mean something: to bash, to the format, to jobuild.sh. Texts
 * are slices of len bytes.
 */
#ifndef RECIPE_NAMES_H
#define RECIPE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* [A-Za-z_][A-Za-z0-9_]* */
bool is_name(const char *s, size_t len);

/* How many bytes of a name s begins with. */
size_t name_length(const char *s, size_t len);

/*
 * The length of what stands before "=" or "+=" in an assignment: a name, a
 * name with a subscript, or, inside an array's parentheses, only [subscript].
 * 0: it is no such thing. assignment_length() wants the sign after it too.
 */
size_t assignment_target(const char *s, size_t len, bool in_array);
size_t assignment_length(const char *s, size_t len, bool in_array);

/* After ${ or $(, whose bracket is open: the offset past its end, or len. */
size_t nested_end(const char *s, size_t len, size_t i, char open);

/* Builtins after which name=( ... ) is read as an assignment. */
bool takes_assignments(const char *s, size_t len);

/* Is the variable special to bash, so that a recipe can't assign it? */
bool is_special(const char *s, size_t len);

/* Set by AutotuA before the file is read: P PN PV JOBUSER FILESDIR. */
bool is_predefined(const char *s, size_t len);
extern const char *const predefined_names[];
extern const size_t predefined_count;

/* Set by AutotuA only in phases: A DISTDIR WORKDIR ... */
bool is_phase_only(const char *s, size_t len);
extern const char *const phase_only_names[];
extern const size_t phase_only_count;

/* Those and ARCH: has the name a value in phases that a recipe can't know? */
bool is_set_in_phases(const char *s, size_t len);

/* A variable of the format, which a recipe assigns. */
bool is_known(const char *s, size_t len);
int known_index(const char *s, size_t len); /* in known_names, or -1 */
extern const char *const known_names[];
extern const size_t known_count;

/* What jobuild.sh has for phases: "artifact", "default" ... */
extern const char *const helper_names[];
extern const size_t helper_count;

/* A command that a function of this name would hide: "helper", "bash builtin",
 * "reserved word"; NULL: none. */
const char *hides(const char *s, size_t len);

#endif
