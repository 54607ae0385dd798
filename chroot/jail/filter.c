/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter is a program of two parts, one an ABI: a tree of comparisons
 * finds the rule of a number, which is one of a few ends for numbers that are
 * refused whatever their arguments, or a block that looks at an argument. A
 * number without a rule is allowed. The kernel finds that out for all numbers
 * when the filter is installed, so that most calls cost nothing afterwards;
 * that is why it is a tree and not a list, which takes it ten times as long.
 *
 * clone3 can't be filtered, since its flags are in memory: it answers ENOSYS,
 * upon which C libraries use clone. So does every number above those that
 * were looked at for this table.
 */
#include "chroot/jail/filter.h"
#include "base/error.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define NAMESPACES                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define NR_KNOWN   469     /* the last number looked at, of every ABI */
#define NR_ARM_OWN 0xf0000 /* ARM's own calls begin here */
#define LIST_MAX   8       /* numbers that are looked for one by one */
#define X86_LINE   0x541c  /* TIOCLINUX, the same everywhere */

#if defined(__x86_64__)
#define OWN ABI_X86_64
#elif defined(__i386__)
#define OWN ABI_I386
#elif defined(__aarch64__)
#define OWN ABI_ARM64
#else
#define OWN ABI_ARM
#ifndef __arm__
_Static_assert(OWN != ABI_ARM, "no table of this machine's calls");
#endif
#endif

static const uint32_t audit[ABIS] = {
    AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM};

/* Ends of the program; the labels of each ABI's part. */
enum end { END_DENY, END_MISSING, END_FAMILY, END_ALLOW, ENDS };

static const uint32_t answers[ENDS] = {
    [END_DENY] = SECCOMP_RET_ERRNO | EPERM,
    [END_MISSING] = SECCOMP_RET_ERRNO | ENOSYS,
    [END_FAMILY] = SECCOMP_RET_ERRNO | EAFNOSUPPORT,
    [END_ALLOW] = SECCOMP_RET_ALLOW,
};

enum when {
	ALWAYS,
	UNLESS_NEST,  /* namespaces and mounts */
	UNLESS_32BIT, /* multiplexers of old 32-bit C libraries */
};

#define NONE (-1)

/* Refused whatever the arguments: numbers of x86-64, i386, arm64, arm. */
static const struct {
	short nr[ABIS];
	enum when when;
	enum end end;
} rules[] = {
    {{250, 288, 219, 311}, ALWAYS, END_DENY},         /* keyctl */
    {{248, 286, 217, 309}, ALWAYS, END_DENY},         /* add_key */
    {{249, 287, 218, 310}, ALWAYS, END_DENY},         /* request_key */
    {{321, 357, 280, 386}, ALWAYS, END_DENY},         /* bpf */
    {{298, 336, 241, 364}, ALWAYS, END_DENY},         /* perf_event_open */
    {{323, 374, 282, 388}, ALWAYS, END_DENY},         /* userfaultfd */
    {{246, 283, 104, 347}, ALWAYS, END_DENY},         /* kexec_load */
    {{320, NONE, 294, 401}, ALWAYS, END_DENY},        /* kexec_file_load */
    {{175, 128, 105, 128}, ALWAYS, END_DENY},         /* init_module */
    {{313, 350, 273, 379}, ALWAYS, END_DENY},         /* finit_module */
    {{176, 129, 106, 129}, ALWAYS, END_DENY},         /* delete_module */
    {{174, 127, NONE, NONE}, ALWAYS, END_DENY},       /* create_module */
    {{167, 87, 224, 87}, ALWAYS, END_DENY},           /* swapon */
    {{168, 115, 225, 115}, ALWAYS, END_DENY},         /* swapoff */
    {{169, 88, 142, 88}, ALWAYS, END_DENY},           /* reboot */
    {{163, 51, 89, 51}, ALWAYS, END_DENY},            /* acct */
    {{179, 131, 60, 131}, ALWAYS, END_DENY},          /* quotactl */
    {{443, 443, 443, 443}, ALWAYS, END_DENY},         /* quotactl_fd */
    {{304, 342, 265, 371}, ALWAYS, END_DENY},         /* open_by_handle_at */
    {{103, 103, 116, 103}, ALWAYS, END_DENY},         /* syslog */
    {{172, 110, NONE, NONE}, ALWAYS, END_DENY},       /* iopl */
    {{173, 101, NONE, NONE}, ALWAYS, END_DENY},       /* ioperm */
    {{164, 79, 170, 79}, ALWAYS, END_DENY},           /* settimeofday */
    {{227, 264, 112, 262}, ALWAYS, END_DENY},         /* clock_settime */
    {{NONE, 404, NONE, 404}, ALWAYS, END_DENY},       /* clock_settime64 */
    {{305, 343, 266, 372}, ALWAYS, END_DENY},         /* clock_adjtime */
    {{NONE, 405, NONE, 405}, ALWAYS, END_DENY},       /* clock_adjtime64 */
    {{159, 124, 171, 124}, ALWAYS, END_DENY},         /* adjtimex */
    {{NONE, 25, NONE, NONE}, ALWAYS, END_DENY},       /* stime */
    {{212, 253, 18, 249}, ALWAYS, END_DENY},          /* lookup_dcookie */
    {{180, 169, 42, 169}, ALWAYS, END_DENY},          /* nfsservctl */
    {{153, 111, 58, 111}, ALWAYS, END_DENY},          /* vhangup */
    {{NONE, 166, NONE, NONE}, ALWAYS, END_DENY},      /* vm86 */
    {{NONE, 113, NONE, NONE}, ALWAYS, END_DENY},      /* vm86old */
    {{134, 86, NONE, 86}, ALWAYS, END_DENY},          /* uselib */
    {{425, 425, 425, 425}, ALWAYS, END_MISSING},      /* io_uring_setup */
    {{426, 426, 426, 426}, ALWAYS, END_MISSING},      /* io_uring_enter */
    {{427, 427, 427, 427}, ALWAYS, END_MISSING},      /* io_uring_register */
    {{165, 21, 40, 21}, UNLESS_NEST, END_DENY},       /* mount */
    {{NONE, 22, NONE, NONE}, UNLESS_NEST, END_DENY},  /* umount */
    {{166, 52, 39, 52}, UNLESS_NEST, END_DENY},       /* umount2 */
    {{155, 217, 41, 218}, UNLESS_NEST, END_DENY},     /* pivot_root */
    {{428, 428, 428, 428}, UNLESS_NEST, END_DENY},    /* open_tree */
    {{467, 467, 467, 467}, UNLESS_NEST, END_DENY},    /* open_tree_attr */
    {{429, 429, 429, 429}, UNLESS_NEST, END_DENY},    /* move_mount */
    {{430, 430, 430, 430}, UNLESS_NEST, END_DENY},    /* fsopen */
    {{431, 431, 431, 431}, UNLESS_NEST, END_DENY},    /* fsconfig */
    {{432, 432, 432, 432}, UNLESS_NEST, END_DENY},    /* fsmount */
    {{433, 433, 433, 433}, UNLESS_NEST, END_DENY},    /* fspick */
    {{442, 442, 442, 442}, UNLESS_NEST, END_DENY},    /* mount_setattr */
    {{308, 346, 268, 375}, UNLESS_NEST, END_DENY},    /* setns */
    {{435, 435, 435, 435}, UNLESS_NEST, END_MISSING}, /* clone3 */
    {{NONE, 102, NONE, NONE}, UNLESS_32BIT, END_MISSING}, /* socketcall */
};

/*
 * Where one argument decides. If it is one of the values (or, with "bits",
 * has one of these bits set), the answer is "hit", else "miss".
 */
static const struct {
	short nr[ABIS];
	enum when when;
	unsigned char arg, n;
	bool bits;
	enum end hit, miss;
	uint32_t values[4];
} looks[] = {
    /* ioctl: typing into somebody's terminal */
    {{16, 54, 29, 54}, ALWAYS, 1, 2, false, END_DENY, END_ALLOW,
	{TIOCSTI, X86_LINE}},
    /* clone, unshare */
    {{56, 120, 220, 120}, UNLESS_NEST, 0, 1, true, END_DENY, END_ALLOW,
	{NAMESPACES}},
    {{272, 310, 97, 337}, UNLESS_NEST, 0, 1, true, END_DENY, END_ALLOW,
	{NAMESPACES | CLONE_NEWTIME}},
    /* socket, socketpair: what is no part of a network namespace */
    {{41, 359, 198, 281}, ALWAYS, 0, 4, false, END_ALLOW, END_FAMILY,
	{AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}},
    {{53, 360, 199, 288}, ALWAYS, 0, 4, false, END_ALLOW, END_FAMILY,
	{AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}},
    /* personality: the two Linux ones, and asking for the current one */
    {{135, 136, 92, 136}, ALWAYS, 0, 3, false, END_ALLOW, END_DENY,
	{PER_LINUX, PER_LINUX32, 0xffffffff}},
};

#define RULES   (sizeof(rules) / sizeof(*rules))
#define LOOKS   (sizeof(looks) / sizeof(*looks))
#define TARGETS (ENDS + LOOKS) /* the ends, and then the blocks */

/*
 * A part is written twice: the first time finds the places of its targets,
 * the second time the jumps to them are right.
 */
struct program {
	struct sock_filter *code;
	unsigned short len;
	unsigned short places[TARGETS];
	unsigned flags;
};

/* A number with a rule, and where that is. */
struct leaf {
	uint32_t nr;
	size_t target;
};

static void
emit(struct program *p, unsigned short code, uint32_t k, unsigned char jt,
    unsigned char jf)
{
	p->code[p->len++] = (struct sock_filter){code, jt, jf, k};
}

/* From the instruction that comes next to the target. */
static unsigned char
distance(const struct program *p, size_t target)
{
	return (unsigned char)(p->places[target] - p->len - 1);
}

static void
jump_to(struct program *p, unsigned short how, uint32_t k, enum end e)
{
	emit(p, BPF_JMP | BPF_K | how, k, distance(p, e), 0);
}

static void
load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static bool
applies(const struct program *p, short nr, enum when when)
{
	if (nr == NONE)
		return false;
	switch (when) {
	case ALWAYS:
		return true;
	case UNLESS_NEST:
		return (p->flags & FILTER_NEST) == 0;
	case UNLESS_32BIT:
		return (p->flags & FILTER_32BIT) == 0;
	}
	return true;
}

/* The low half of an argument; all four ABIs are little-endian. */
static void
emit_look(struct program *p, size_t i)
{
	unsigned char v;

	p->places[ENDS + i] = p->len;
	load(p, offsetof(struct seccomp_data, args) + 8u * looks[i].arg);
	for (v = 0; v < looks[i].n; v++)
		jump_to(p, looks[i].bits ? BPF_JSET : BPF_JEQ,
		    looks[i].values[v], looks[i].hit);
	emit(p, BPF_RET | BPF_K, answers[looks[i].miss], 0, 0);
}

/* Put it where it belongs by its number; how many there are. */
static size_t
insert(struct leaf *list, size_t n, short nr, size_t target)
{
	size_t i = n;

	for (; i > 0 && list[i - 1].nr > (uint32_t)nr; i--)
		list[i] = list[i - 1];
	list[i] = (struct leaf){(uint32_t)nr, target};
	return n + 1;
}

static size_t
collect(const struct program *p, enum abi abi, struct leaf list[RULES + LOOKS])
{
	size_t i, n = 0;

	for (i = 0; i < RULES; i++) {
		if (applies(p, rules[i].nr[abi], rules[i].when))
			n = insert(list, n, rules[i].nr[abi], rules[i].end);
	}
	for (i = 0; i < LOOKS; i++) {
		if (applies(p, looks[i].nr[abi], looks[i].when))
			n = insert(list, n, looks[i].nr[abi], ENDS + i);
	}
	return n;
}

/*
 * The lower half comes next, the upper one is jumped to. A few are a list: a
 * program has to be short as well, since the kernel translates it.
 */
static void
emit_tree(struct program *p, const struct leaf *list, size_t n)
{
	unsigned short at = p->len;
	size_t half = n / 2, i;

	if (n <= LIST_MAX) {
		for (i = 0; i < n; i++)
			emit(p, BPF_JMP | BPF_K | BPF_JEQ, list[i].nr,
			    distance(p, list[i].target),
			    i + 1 < n ? 0 : distance(p, END_ALLOW));
		return;
	}
	emit(p, BPF_JMP | BPF_K | BPF_JGE, list[half].nr, 0, 0);
	emit_tree(p, list, half);
	p->code[at].jt = (unsigned char)(p->len - at - 1);
	emit_tree(p, list + half, n - half);
}

static void
emit_part(struct program *p, enum abi abi)
{
	struct leaf list[RULES + LOOKS];
	size_t i, n = collect(p, abi, list);
	int e;

	load(p, offsetof(struct seccomp_data, nr));
	if (abi == ABI_ARM)
		jump_to(p, BPF_JGE, NR_ARM_OWN, END_ALLOW);
	jump_to(p, BPF_JGT, NR_KNOWN, END_MISSING);
	emit_tree(p, list, n);
	for (i = 0; i < LOOKS; i++) {
		if (applies(p, looks[i].nr[abi], looks[i].when))
			emit_look(p, i);
	}
	for (e = 0; e < ENDS; e++) {
		p->places[e] = p->len;
		emit(p, BPF_RET | BPF_K, answers[e], 0, 0);
	}
}

/* One ABI's part behind its check, which jumps over it. */
static void
emit_abi(struct program *p, enum abi abi)
{
	unsigned short check = p->len, begin;

	emit(p, BPF_JMP | BPF_K | BPF_JEQ, audit[abi], 1, 0);
	emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
	begin = p->len;
	emit_part(p, abi);
	p->len = begin;
	emit_part(p, abi);
	p->code[check + 1].k = (uint32_t)(p->len - begin);
}

size_t
filter_build(enum abi machine, unsigned flags, struct sock_filter *code)
{
	struct program p = {.code = code, .flags = flags};

	load(&p, offsetof(struct seccomp_data, arch));
	emit_abi(&p, machine);
	if (machine == ABI_X86_64)
		emit_abi(&p, ABI_I386);
	if (machine == ABI_ARM64)
		emit_abi(&p, ABI_ARM);
	emit(&p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	return p.len;
}

int
filter_install(unsigned flags, struct error *err)
{
	struct sock_filter code[FILTER_MAX];
	struct sock_fprog program = {.filter = code};

	program.len = (unsigned short)filter_build(OWN, flags, code);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return fail_errno(err, "seccomp filter");
	return 0;
}
