/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/sys/priv.h"
#include "chroot/sys/sys.h"
#include "base/error.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define CAP(c) (1ULL << (c))

#define JOB                                                                    \
	(CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER) |            \
	    CAP(CAP_FSETID) | CAP(CAP_KILL) | CAP(CAP_SETGID) |                \
	    CAP(CAP_SETUID) | CAP(CAP_NET_BIND_SERVICE) |                      \
	    CAP(CAP_SYS_CHROOT) | CAP(CAP_SETFCAP))

static const uint64_t kept[] = {
    [PRIV_JOB] = JOB,
    [PRIV_COUNT] = JOB,
    [PRIV_NEST] = JOB | CAP(CAP_SYS_ADMIN) | CAP(CAP_SYS_PTRACE) |
	CAP(CAP_NET_ADMIN) | CAP(CAP_NET_RAW) | CAP(CAP_SETPCAP),
    [PRIV_UNPACK] = CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER) |
	CAP(CAP_FSETID) | CAP(CAP_SETFCAP),
};

/* What this process has besides, if it can, and nothing that it starts. */
static const uint64_t own[] = {
    [PRIV_COUNT] = CAP(CAP_SYS_PTRACE), [PRIV_UNPACK] = 0};

int
priv_drop(enum priv keep, struct error *err)
{
	struct rlimit none = {0, 0};
	unsigned cap;

	sys_fresh_keyring();
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return fail_errno(err, "limit core files");
	if (setgroups(0, NULL) < 0)
		return fail_errno(err, "drop groups");
	for (cap = 0; cap < 64; cap++) {
		if ((kept[keep] & CAP(cap)) != 0 ||
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		/* the last one of this kernel was before it */
		if (errno == EINVAL)
			break;
		return fail_errno(err, "drop capability %u", cap);
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    (sys_capset(kept[keep] | own[keep]) < 0 &&
		sys_capset(kept[keep]) < 0))
		return fail_errno(err, "drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_errno(err, "no_new_privs");
	return 0;
}
