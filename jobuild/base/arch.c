/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arch.h"
#include "base/error.h"
#include "base/nearest.h"

#include <string.h>
#include <sys/utsname.h>

static const char *const names[] = {"amd64", "arm64", "armel", "armhf", "i386",
    "loong64", "mips64el", "ppc64el", "riscv64", "s390x"};

#define NAMES (sizeof(names) / sizeof(names[0]))

static const struct {
	const char *word, *name;
} machines[] = {
    {"x86_64", "amd64"},
    {"aarch64", "arm64"},
    {"armv6l", "armel"},
    {"armv7l", "armhf"},
    {"armv8l", "armhf"},
    {"i386", "i386"},
    {"i486", "i386"},
    {"i586", "i386"},
    {"i686", "i386"},
    {"loongarch64", "loong64"},
    {"mips64", "mips64el"},
    {"ppc64le", "ppc64el"},
    {"riscv64", "riscv64"},
    {"s390x", "s390x"},
    /* no kernel says these */
    {"arm", "armhf"},
    {"x64", "amd64"},
    {"x86", "i386"},
    {"x86-64", "amd64"},
};

const char *
arch_name(size_t i)
{
	return i < NAMES ? names[i] : NULL;
}

bool
arch_is_known(const char *name)
{
	size_t i;

	for (i = 0; i < NAMES; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

const char *
arch_of_machine(const char *machine)
{
	size_t i;

	for (i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (strcmp(machines[i].word, machine) == 0)
			return machines[i].name;
	}
	return NULL;
}

bool
arch_is_own(const char *name)
{
	struct utsname u;
	const char *own = uname(&u) == 0 ? arch_of_machine(u.machine) : NULL;

	return own && strcmp(own, name) == 0;
}

const char *
arch_meant(const char *word)
{
	const char *name = arch_of_machine(word);

	return name ? name : nearest(word, names, NAMES);
}

int
arch_check(const char *word, struct error *err)
{
	const char *meant;

	if (arch_is_known(word))
		return 0;
	meant = arch_meant(word);
	if (meant)
		return fail(err,
		    "there is no architecture \"%s\": is %s meant?", word,
		    meant);
	return fail(err,
	    "there is no architecture \"%s\": write it as Debian does, amd64 "
	    "or arm64",
	    word);
}
