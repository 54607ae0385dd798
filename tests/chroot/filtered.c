/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the jail's filter answers, asked of its program and not of a kernel, so
 * that the programs of other machines can be asked as well:
 *
 *	filtered MACHINE CALLER [nest|32]
 *
 * MACHINE is whose program it is, CALLER what the call is made as: x86_64,
 * i386, arm64 or arm. A line "NAME NUMBER [ARGUMENT...]" on standard input is a
 * call, answered with "NAME [ARGUMENT...] ANSWER".
 */
#include "chroot/jail/filter.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint32_t arch;
} machines[ABIS] = {
    [ABI_X86_64] = {"x86_64", AUDIT_ARCH_X86_64},
    [ABI_I386] = {"i386", AUDIT_ARCH_I386},
    [ABI_ARM64] = {"arm64", AUDIT_ARCH_AARCH64},
    [ABI_ARM] = {"arm", AUDIT_ARCH_ARM},
};

static enum abi
machine(const char *name)
{
	int i;

	for (i = 0; i < ABIS; i++) {
		if (strcmp(machines[i].name, name) == 0)
			return (enum abi)i;
	}
	fprintf(stderr, "filtered: no machine %s\n", name);
	exit(2);
}

static uint32_t
load(const struct seccomp_data *d, uint32_t offset)
{
	uint32_t value;

	assert(offset % 4 == 0 && offset <= sizeof(*d) - sizeof(value));
	memcpy(&value, (const char *)d + offset, sizeof(value));
	return value;
}

static size_t
jump(const struct sock_filter *c, uint32_t a)
{
	switch (BPF_OP(c->code)) {
	case BPF_JA:
		return c->k;
	case BPF_JEQ:
		return a == c->k ? c->jt : c->jf;
	case BPF_JGT:
		return a > c->k ? c->jt : c->jf;
	case BPF_JGE:
		return a >= c->k ? c->jt : c->jf;
	case BPF_JSET:
		return (a & c->k) != 0 ? c->jt : c->jf;
	}
	fprintf(stderr, "filtered: a jump of another kind\n");
	exit(1);
}

/* As the kernel runs it: what comes back. */
static uint32_t
run(const struct sock_filter *code, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;
	size_t at;

	for (at = 0; at < n; at++) {
		switch (BPF_CLASS(code[at].code)) {
		case BPF_LD:
			assert(code[at].code == (BPF_LD | BPF_W | BPF_ABS));
			a = load(d, code[at].k);
			break;
		case BPF_JMP:
			at += jump(&code[at], a);
			break;
		default:
			assert(code[at].code == (BPF_RET | BPF_K));
			return code[at].k;
		}
	}
	fprintf(stderr, "filtered: the program has no end\n");
	exit(1);
}

static const char *
answer(uint32_t k)
{
	switch (k) {
	case SECCOMP_RET_ALLOW:
		return "allow";
	case SECCOMP_RET_KILL_PROCESS:
		return "kill";
	case SECCOMP_RET_ERRNO | EPERM:
		return "EPERM";
	case SECCOMP_RET_ERRNO | ENOSYS:
		return "ENOSYS";
	case SECCOMP_RET_ERRNO | EAFNOSUPPORT:
		return "EAFNOSUPPORT";
	}
	return "another";
}

int
main(int argc, char **argv)
{
	struct sock_filter code[FILTER_MAX];
	char line[256], *word, *rest;
	unsigned flags = 0;
	uint32_t arch;
	size_t n, i;

	if (argc < 3)
		return 2;
	if (argc > 3)
		flags = *argv[3] == 'n' ? FILTER_NEST : FILTER_32BIT;
	n = filter_build(machine(argv[1]), flags, code);
	arch = machines[machine(argv[2])].arch;
	while (fgets(line, sizeof(line), stdin)) {
		struct seccomp_data d = {.arch = arch};

		rest = line + strcspn(line, " ");
		*rest++ = '\0';
		d.nr = (int)strtoul(rest, &rest, 0);
		printf("%s ", line);
		for (i = 0; i < 6 && (word = strtok_r(NULL, " \n", &rest));
		     i++) {
			d.args[i] = strtoull(word, NULL, 0);
			printf("%s ", word);
		}
		puts(answer(run(code, n, &d)));
	}
	return 0;
}
