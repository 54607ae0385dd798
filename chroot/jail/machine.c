/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/jail/machine.h"
#include "chroot/sys/sys.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* An architecture by what is in the head of its programs. */
static const struct {
	const char *name, *machine; /* uname's; NULL: as the other width */
	unsigned char class, data;
	unsigned elf;
} known[] = {
    {"amd64", "x86_64", ELFCLASS64, ELFDATA2LSB, EM_X86_64},
    {"arm64", "aarch64", ELFCLASS64, ELFDATA2LSB, EM_AARCH64},
    {"armhf", NULL, ELFCLASS32, ELFDATA2LSB, EM_ARM},
    {"i386", "i686", ELFCLASS32, ELFDATA2LSB, EM_386},
    {"loong64", "loongarch64", ELFCLASS64, ELFDATA2LSB, 258},
    {"mips64el", "mips64", ELFCLASS64, ELFDATA2LSB, EM_MIPS},
    {"ppc64el", "ppc64le", ELFCLASS64, ELFDATA2LSB, EM_PPC64},
    {"riscv64", "riscv64", ELFCLASS64, ELFDATA2LSB, EM_RISCV},
    {"s390x", "s390x", ELFCLASS64, ELFDATA2MSB, EM_S390},
};
#define KNOWN (sizeof(known) / sizeof(*known))

static void
add(struct machine *m, const char *name, bool emulated, bool fixed)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (strcmp(m->archs[i].name, name) == 0)
			return;
	}
	if (m->n < MACHINE_MAX)
		m->archs[m->n++] = (struct machine_arch){name, emulated, fixed};
}

static void
add_own(struct machine *m)
{
	struct utsname u;
	size_t i;

	if (uname(&u) < 0)
		return;
	for (i = 0; i < KNOWN; i++) {
		if (known[i].machine &&
		    strcmp(known[i].machine, u.machine) == 0)
			add(m, known[i].name, false, true);
	}
}

/* ---- 32 bits ------------------------------------------------------------- */

/* A whole program of i386, which ends with 42. */
static const struct {
	Elf32_Ehdr head;
	Elf32_Phdr load;
	unsigned char code[12];
} small = {
    .head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32,
		 ELFDATA2LSB, EV_CURRENT},
	.e_type = ET_EXEC,
	.e_machine = EM_386,
	.e_version = EV_CURRENT,
	.e_entry = 0x08048000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
	.e_phoff = sizeof(Elf32_Ehdr),
	.e_ehsize = sizeof(Elf32_Ehdr),
	.e_phentsize = sizeof(Elf32_Phdr),
	.e_phnum = 1},
    .load = {.p_type = PT_LOAD,
	.p_vaddr = 0x08048000,
	.p_filesz = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr) + 12,
	.p_memsz = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr) + 12,
	.p_flags = PF_R | PF_X,
	.p_align = 4096},
    /* mov $42, %ebx; mov $1, %eax; int $0x80 */
    .code = {0xbb, 42, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xcd, 0x80},
};

static bool
runs_32bit(void)
{
	static char *const none[] = {NULL};
	int fd = memfd_create("i386", MFD_CLOEXEC), status = 0;
	pid_t pid = -1;

	if (fd >= 0 && write(fd, &small, sizeof(small)) == sizeof(small))
		pid = fork();
	if (pid == 0) {
		fexecve(fd, none, none);
		_exit(1);
	}
	if (pid > 0 && waitpid(pid, &status, 0) < 0)
		status = 0;
	if (fd >= 0)
		close(fd);
	return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

/* ---- emulators ----------------------------------------------------------- */

/* The line of text that begins with word, after it; or NULL. */
static const char *
line_of(const char *text, const char *word)
{
	size_t n = strlen(word);

	while (text && strncmp(text, word, n) != 0) {
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return text ? text + n : NULL;
}

/* Byte i of hexadecimal digits; -1 behind their end. */
static int
byte_of(const char *hex, size_t i)
{
	char two[3] = "";
	char *end;
	long n;

	if (strspn(hex, "0123456789abcdef") < 2 * i + 2)
		return -1;
	memcpy(two, hex + 2 * i, 2);
	n = strtol(two, &end, 16);
	return *end ? -1 : (int)n;
}

/* Which architecture's programs have this magic? NULL: none that is known. */
static const char *
arch_of(const char *hex)
{
	int class = byte_of(hex, EI_CLASS), data = byte_of(hex, EI_DATA);
	int low = byte_of(hex, 18), high = byte_of(hex, 19);
	unsigned elf;
	size_t i;

	if (byte_of(hex, 0) != ELFMAG0 || byte_of(hex, 1) != ELFMAG1 ||
	    low < 0 || high < 0)
		return NULL;
	elf = data == ELFDATA2MSB ? (unsigned)(low << 8 | high)
				  : (unsigned)(high << 8 | low);
	for (i = 0; i < KNOWN; i++) {
		if (known[i].class == class && known[i].data == data &&
		    known[i].elf == elf)
			return known[i].name;
	}
	return NULL;
}

static void
add_entry(struct machine *m, int dir, const char *file)
{
	char text[2048];
	const char *magic, *flags, *arch;
	int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	magic = line_of(text, "magic ");
	flags = line_of(text, "flags: ");
	arch = magic ? arch_of(magic) : NULL;
	if (!arch || strncmp(text, "enabled\n", 8) != 0)
		return;
	add(m, arch, true,
	    flags && memchr(flags, 'F', strcspn(flags, "\n")) != NULL);
}

/* Where it is mounted, or else as a mount of our own that is nowhere. */
static int
open_binfmt(void)
{
	int dir = open(
	    "/proc/sys/fs/binfmt_misc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fs, mounted;

	if (dir >= 0 && faccessat(dir, "status", F_OK, 0) == 0)
		return dir;
	if (dir >= 0)
		close(dir);
	fs = fsopen("binfmt_misc", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -1;
	mounted = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0
	    ? -1
	    : fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC);
	close(fs);
	if (mounted < 0)
		return -1;
	dir = openat(mounted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(mounted);
	return dir;
}

static void
add_emulated(struct machine *m)
{
	int fd = open_binfmt();
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] != '.')
			add_entry(m, dirfd(dir), e->d_name);
	}
	closedir(dir);
}

void
machine_find(struct machine *m)
{
	*m = (struct machine){.n = 0};
	add_own(m);
	if (m->n > 0 && strcmp(m->archs[0].name, "amd64") == 0 && runs_32bit())
		add(m, "i386", false, true);
	add_emulated(m);
}
