/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/names.h"
#include "recipe/bytes.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

const char *const known_names[] = {"ARCH", "BLOCKS", "DEPEND", "DESCRIPTION",
    "EXTENDS", "HOMEPAGE", "LOCKS", "PORTCONF_URI", "PROPERTIES", "REQUIRES",
    "RESOURCES", "SIDEPEND", "SRC_URI", "STAGE"};
const size_t known_count = COUNT(known_names);

const char *const helper_names[] = {"artifact", "default", "die", "eapply",
    "ebegin", "edo", "eend", "eerror", "einfo", "einfon", "elog", "emake",
    "eqawarn", "ewarn", "has", "nonfatal", "pipestatus", "result", "retry",
    "skip", "super", "unpack", "ver_cut", "ver_rs", "ver_test"};
const size_t helper_count = COUNT(helper_names);

static const char *const builtins[] = {".", ":", "[", "alias", "bg", "bind",
    "break", "builtin", "caller", "cd", "command", "compgen", "complete",
    "compopt", "continue", "declare", "dirs", "disown", "echo", "enable",
    "eval", "exec", "exit", "export", "false", "fc", "fg", "getopts", "hash",
    "help", "history", "jobs", "kill", "let", "local", "logout", "mapfile",
    "popd", "printf", "pushd", "pwd", "read", "readarray", "readonly", "return",
    "set", "shift", "shopt", "source", "suspend", "test", "times", "trap",
    "true", "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait"};

static const char *const reserved[] = {"case", "coproc", "do", "done", "elif",
    "else", "esac", "fi", "for", "function", "if", "in", "select", "then",
    "time", "until", "while"};

/* Set, read or protected by bash itself. */
static const char *const special[] = {"ALLOW_NULL_GLOB_EXPANSION", "CDPATH",
    "CHILD_MAX", "COLUMNS", "COMP_CWORD", "COMP_KEY", "COMP_LINE", "COMP_POINT",
    "COMP_TYPE", "COMP_WORDBREAKS", "COMP_WORDS", "COMPREPLY", "COPROC",
    "DIRSTACK", "DISPLAY", "EDITOR", "EMACS", "ENV", "EPOCHREALTIME",
    "EPOCHSECONDS", "EUID", "EXECIGNORE", "FCEDIT", "FIGNORE", "FUNCNAME",
    "FUNCNEST", "GLOBIGNORE", "GLOBSORT", "GROUPS", "HISTCMD", "HISTCONTROL",
    "HISTFILE", "HISTFILESIZE", "HISTIGNORE", "HISTSIZE", "HISTTIMEFORMAT",
    "HOME", "HOSTFILE", "HOSTNAME", "HOSTTYPE", "IFS", "IGNOREEOF", "INPUTRC",
    "INSIDE_EMACS", "LANG", "LANGUAGE", "LINENO", "LINES", "LOGNAME",
    "MACHTYPE", "MAIL", "MAILCHECK", "MAILPATH", "MAPFILE", "NO_PROMPT_VARS",
    "OLDPWD", "OPTARG", "OPTERR", "OPTIND", "OSTYPE", "PATH", "PIPESTATUS",
    "POSIXLY_CORRECT", "POSIX_PEDANTIC", "PPID", "PROMPT_COMMAND",
    "PROMPT_DIRTRIM", "PS0", "PS1", "PS2", "PS3", "PS4", "PWD", "RANDOM",
    "READLINE_ARGUMENT", "READLINE_LINE", "READLINE_MARK", "READLINE_POINT",
    "REPLY", "SECONDS", "SHELL", "SHELLOPTS", "SHLVL", "SRANDOM", "TERM",
    "TEXTDOMAIN", "TEXTDOMAINDIR", "TIMEFORMAT", "TMOUT", "TMPDIR", "TZ", "UID",
    "USER", "_", "auto_resume", "histchars"};

const char *const predefined_names[] = {"FILESDIR", "JOBUSER", "P", "PN", "PV"};
const size_t predefined_count = COUNT(predefined_names);

const char *const phase_only_names[] = {"A", "ARTIFACTS", "DISTDIR", "JOBS",
    "JOB_ID", "PHASE", "S", "T", "WORKDIR"};
const size_t phase_only_count = COUNT(phase_only_names);

static const char *const assigning[] = {"alias", "declare", "eval", "export",
    "let", "local", "readonly", "typeset"};

static bool
equals(const char *a, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (a[i] != s[i])
			return false;
	return a[len] == '\0';
}

static bool
among(const char *const list[], size_t n, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i][0] == *s && equals(list[i], s, len))
			return true;
	return false;
}

static bool
starts(const char *s, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len >= n && memcmp(s, prefix, n) == 0;
}

size_t
name_length(const char *s, size_t len)
{
	size_t n = 0;

	if (len == 0 || BYTE_IS(*s, BYTE_DIGIT))
		return 0;
	while (n < len && BYTE_IS(s[n], BYTE_NAME))
		n++;
	return n;
}

bool
is_name(const char *s, size_t len)
{
	return len > 0 && name_length(s, len) == len;
}

bool
takes_assignments(const char *s, size_t len)
{
	return among(assigning, COUNT(assigning), s, len);
}

bool
is_special(const char *s, size_t len)
{
	return starts(s, len, "BASH") || starts(s, len, "LC_") ||
	    among(special, COUNT(special), s, len);
}

bool
is_predefined(const char *s, size_t len)
{
	return among(predefined_names, predefined_count, s, len);
}

bool
is_phase_only(const char *s, size_t len)
{
	return among(phase_only_names, phase_only_count, s, len);
}

bool
is_set_in_phases(const char *s, size_t len)
{
	return is_phase_only(s, len) || (len == 4 && equals("ARCH", s, len));
}

int
known_index(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < known_count; i++)
		if (known_names[i][0] == *s && equals(known_names[i], s, len))
			return (int)i;
	return -1;
}

bool
is_known(const char *s, size_t len)
{
	return known_index(s, len) >= 0;
}

const char *
hides(const char *s, size_t len)
{
	if (among(helper_names, helper_count, s, len))
		return "helper";
	if (among(builtins, COUNT(builtins), s, len))
		return "bash builtin";
	if (among(reserved, COUNT(reserved), s, len))
		return "reserved word";
	return NULL;
}

/* ---- subscripts, as bash skips them ---- */

/* After a single or double quote: past the one that closes it. */
static size_t
skip_quote(const char *s, size_t len, size_t i, char quote)
{
	for (; i < len && s[i] != quote; i++)
		if (quote != '\'' && s[i] == '\\')
			i++;
	return i < len ? i + 1 : len;
}

size_t
nested_end(const char *s, size_t len, size_t i, char open)
{
	char close = open == '{' ? '}' : ')';
	size_t count = 1;

	while (i < len) {
		if (s[i] == '\\') {
			i += 2;
		} else if (s[i] == '\'' || s[i] == '"' || s[i] == '`') {
			i = skip_quote(s, len, i + 1, s[i]);
		} else if (s[i] == close) {
			i++;
			if (--count == 0)
				return i;
		} else {
			count += s[i] == open;
			i++;
		}
	}
	return len;
}

/* After [: the offset of the ] that closes it, or len. */
static size_t
skip_subscript(const char *s, size_t len, size_t i)
{
	size_t count = 1;

	while (i < len) {
		if (s[i] == '\\') {
			i += 2;
		} else if (s[i] == '\'' || s[i] == '"' || s[i] == '`') {
			i = skip_quote(s, len, i + 1, s[i]);
		} else if (s[i] == '$' && i + 1 < len &&
		    (s[i + 1] == '{' || s[i + 1] == '(')) {
			i = nested_end(s, len, i + 2, s[i + 1]);
		} else if (s[i] == ']' && --count == 0) {
			return i;
		} else {
			count += s[i] == '[';
			i++;
		}
	}
	return len;
}

size_t
assignment_target(const char *s, size_t len, bool in_array)
{
	size_t n = in_array ? 0 : name_length(s, len);

	if (!in_array && n == 0)
		return 0;
	if (n < len && s[n] == '[') {
		n = skip_subscript(s, len, n + 1);
		return n < len ? n + 1 : 0;
	}
	return in_array ? 0 : n;
}

size_t
assignment_length(const char *s, size_t len, bool in_array)
{
	size_t n;

	if (len < 2)
		return 0;
	n = assignment_target(s, len, in_array);
	if (n == 0 || n >= len)
		return 0;
	if (s[n] == '=')
		return n;
	return s[n] == '+' && n + 1 < len && s[n + 1] == '=' ? n : 0;
}
