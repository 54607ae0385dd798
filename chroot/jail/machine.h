/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of which architectures programs run in a jail here: this machine's own, its
 * 32-bit one, and those that the kernel hands to an emulator (binfmt_misc).
 * Names are those of recipes' ARCH.
 */
#ifndef CHROOT_MACHINE_H
#define CHROOT_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#define MACHINE_MAX 24

struct machine_arch {
	const char *name;
	bool emulated;
	/*
	 * The emulator was opened when it was registered (flag F); else a
	 * stage must have it at its place, and most have not.
	 */
	bool fixed;
};

struct machine {
	struct machine_arch archs[MACHINE_MAX];
	size_t n;
};

/* Found by trying, and by asking the kernel for its emulators. */
void machine_find(struct machine *m);

#endif
