/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "probe host TMP STATE": what a job could have changed, as text to compare:
 * mounts (but those in other tests' folders), names and settings, every file
 * below TMP with its owner, mode, size and times, control groups of STATE,
 * processes that have STATE among their arguments or mounts.
 */
#include "probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *passed_over; /* STATE: only its images and sources count */

static int
show_entry(const char *path, const struct stat *st, int type, struct FTW *f)
{
	size_t n = strlen(passed_over);

	(void)type;
	(void)f;
	/* the test's own notes */
	if (f->level == 1 && S_ISREG(st->st_mode))
		return 0;
	if (f->level == 0 || strcmp(path, passed_over) == 0)
		return 0;
	if (strncmp(path, passed_over, n) == 0 &&
	    (strcmp(path + n, "/run") == 0 || strcmp(path + n, "/trash") == 0 ||
		strcmp(path + n, "/ids") == 0 || strstr(path + n, "/ok")))
		return 0;
	printf("%s %o %u:%u %lld %lld.%09ld\n", path, st->st_mode, st->st_uid,
	    st->st_gid, S_ISDIR(st->st_mode) ? 0 : (long long)st->st_size,
	    (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	return 0;
}

static void
show_file(const char *path, const char *own)
{
	char line[8192];
	FILE *f = fopen(path, "re");
	const char *p;

	while (f && fgets(line, sizeof(line), f)) {
		if (own && strstr(line, "/chroot-test.") && !strstr(line, own))
			continue;
		/* ids of mounts differ with what others mount */
		p = own ? strchr(line, ' ') : NULL;
		p = p ? strchr(p + 1, ' ') : NULL;
		fputs(p ? p : line, stdout);
	}
	if (f)
		fclose(f);
}

static bool
contains(const char *path, const char *text)
{
	static char data[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got;

	if (fd < 0)
		return false;
	while (n < (ssize_t)sizeof(data) &&
	    (got = read(fd, data + n, sizeof(data) - (size_t)n)) > 0)
		n += got;
	close(fd);
	return n > 0 && memmem(data, (size_t)n, text, strlen(text)) != NULL;
}

static void
show_processes(const char *state)
{
	char path[300], self[32];
	DIR *dir = opendir("/proc");
	struct dirent *e;

	snprintf(self, sizeof(self), "%d", (int)getpid());
	while (dir && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' ||
		    strcmp(e->d_name, self) == 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		if (contains(path, state)) {
			printf("process %s\n", e->d_name);
			continue;
		}
		snprintf(path, sizeof(path), "/proc/%s/mountinfo", e->d_name);
		if (contains(path, state))
			printf("process %s\n", e->d_name);
	}
	if (dir)
		closedir(dir);
}

static void
show_groups(const char *state)
{
	static const char *const below[] = {
	    "", "/memory", "/pids", "/cpu", "/unified"};
	char path[300], prefix[64];
	struct dirent *e;
	struct stat st;
	size_t i;
	DIR *dir;

	if (stat(state, &st) < 0)
		return;
	snprintf(prefix, sizeof(prefix), "autotua-%llx-",
	    (unsigned long long)st.st_dev * 31 + st.st_ino);
	for (i = 0; i < sizeof(below) / sizeof(*below); i++) {
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s", below[i]);
		dir = opendir(path);
		while (dir && (e = readdir(dir)) != NULL) {
			if (strncmp(e->d_name, prefix, strlen(prefix)) == 0)
				printf("group %s/%s\n", path, e->d_name);
		}
		if (dir)
			closedir(dir);
	}
}

static void
show_leftovers(const char *state, const char *name)
{
	char path[4096];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", state, name);
	dir = opendir(path);
	while (dir && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] != '.')
			printf("left %s/%s\n", name, e->d_name);
	}
	if (dir)
		closedir(dir);
}

int
host_view(const char *tmp, const char *state)
{
	static const char *const settings[] = {"kernel/core_pattern",
	    "kernel/modprobe", "kernel/sysrq", "kernel/hostname",
	    "net/ipv4/ip_unprivileged_port_start", "net/ipv4/ip_forward"};
	char path[300];
	struct utsname u;
	size_t i;

	passed_over = state;
	uname(&u);
	printf("%s %s\n", u.nodename, u.domainname);
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		snprintf(path, sizeof(path), "/proc/sys/%s", settings[i]);
		show_file(path, NULL);
	}
	show_file("/proc/self/mountinfo", tmp);
	show_leftovers(state, "run");
	show_leftovers(state, "trash");
	show_groups(state);
	show_processes(state);
	return nftw(tmp, show_entry, 32, FTW_PHYS) < 0;
}
