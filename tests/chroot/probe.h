/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attacks from inside of a jail: see probe.c. */
#ifndef PROBE_H
#define PROBE_H

#define HELD  0
#define BROKE 1

int broke(const char *what);

/* The attempt must have failed. */
int refused(long rc, const char *what);

/* It must have failed so. */
int refused_with(long rc, int code, const char *what);

int no_open(const char *path, int flags);

/* Nothing at all comes out of the file. */
int no_bytes(const char *path);

int no_write(const char *path, const char *text);

/*
 * Not an attack but a job that uses memory: KIND MIB PROCESSES SECONDS.
 * "memfd", "hidden" (of another user, and not dumpable), "segment" (of
 * System V), "tables" (of pages), "semaphores", "queues" (of messages): each
 * process has its own; "mapped": they share it.
 */
int hold(char **args);

/* Nor this: FILE COUNT NAME VALUE, lengths of each attribute that it gets. */
int attributes(char **args);

/* FILE SEC NSEC: that is its time. */
int dated(char **args);

/* The attacks: HELD or BROKE, with a line that says what. */
int exe_of_1(void);
int memory_of_1(void);
int files_of_1(void);
int trace_1(void);
int read_1(void);
int kill_1(void);
int take_fd_of_1(void);
int oom_of_1(void);
int descriptors(void);
int working_directory(void);
int standard_input(void);
int terminal(void);
int typing(void);
int environment(void);
int other_processes(void);
int kill_others(void);
int mounting(void);
int remounting(void);
int unmounting(void);
int new_mounts(void);
int pivoting(void);
int chroot_out(void);
int unsharing(void);
int cloning(void);
int cloning_3(void);
int entering(void);
int naming(void);
int settings(void);
int settings_as_other(void);
int sysrq(void);
int secrets(void);
int sysfs(void);
int devices(void);
int making_devices(void);
int whiteout(void);
int small_dev(void);
int small_shm(void);
int keys(void);
int bpf(void);
int perf(void);
int faults(void);
int uring(void);
int modules(void);
int kexec(void);
int rebooting(void);
int swapping(void);
int accounting(void);
int handles(void);
int kernel_log(void);
int clocks(void);
int personalities(void);
int ports(void);
int unknown_calls(void);
int calls_of_32_bits(void);
int families(void);
int raw_sockets(void);
int configure_network(void);
int loopback(void);
int connect_abstract(void);
int capabilities(void);
int bounding_set(void);
int privileges(void);
int set_user_id(void);
int foreign_ids(void);
int own_ids(void);
int resources(void);
int priorities(void);
int locked_memory(void);
int immutable(void);
int recipe_files(void);
int sources(void);
int stage_files(void);
int groups_of_control(void);
int odd_tree(void);
int outlive(void);
int artifacts(void);
int artifacts_replaced(void);

/* What a job could have changed of the host, on standard output. */
int host_view(const char *tmp, const char *state);

/* 42: this process has root's rights by its file's mode. */
int am_root(void);

#endif
