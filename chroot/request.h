/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a slave may ask the jailer (autotua-chroot serve) for, over a socket of
 * whole messages (SOCK_SEQPACKET). A message is one struct request with
 * descriptors; lists are in a file that is one of them, as an array of struct
 * request_record. Everything has a fixed size, and no field is a path: what
 * isn't an id, a number or a plain name is a descriptor. The socket is used in
 * one direction only, so several processes may share it: an answer goes to a
 * pipe that came with the request.
 *
 * The text of a field is ended and filled up with NUL. request_check() is the
 * border: behind it all fields are what they are said to be.
 */
#ifndef CHROOT_REQUEST_H
#define CHROOT_REQUEST_H

#include <stddef.h>
#include <stdint.h>

struct error;

#define REQUEST_MAGIC   0x74754175u
#define REQUEST_VERSION 1
#define REQUEST_RECORDS 8192 /* at most */

enum request_kind {
	REQUEST_RUN = 1,      /* a step */
	REQUEST_HAS,          /* is the image id there? */
	REQUEST_LIST,         /* all images */
	REQUEST_READY,        /* should this machine take work? */
	REQUEST_IMPORT,       /* a tarball of a stage, of this id */
	REQUEST_REMOVE,       /* the image id */
	REQUEST_RECOVER,      /* what dead runs left */
	REQUEST_KILL,         /* a run */
	REQUEST_CAPABILITIES, /* what jails can do here */
	REQUEST_KINDS
};

/* Descriptors: those whose bits are set in fds, in this order. */
enum request_fd {
	REQUEST_ANSWER,    /* pipe: struct request_answer; all kinds */
	REQUEST_LISTS,     /* file: the records; RUN */
	REQUEST_LOG,       /* file or pipe; RUN */
	REQUEST_STATUS,    /* pipe; RUN */
	REQUEST_REPORT,    /* pipe; RUN */
	REQUEST_LEASH,     /* pipe that is read: its end kills; RUN */
	REQUEST_RECIPE,    /* folder; RUN */
	REQUEST_STORE,     /* folder; RUN */
	REQUEST_ARTIFACTS, /* folder, empty; RUN */
	REQUEST_SHELL,     /* terminal; RUN */
	REQUEST_TARBALL,   /* file; IMPORT */
	REQUEST_FDS
};

enum {
	REQUEST_NEST = 1, /* bits of flags */
	REQUEST_LINUX32 = 2,
	REQUEST_KEEP = 4,
	REQUEST_LAYER = 8, /* HAS: a layer, else a stage */
	REQUEST_FLAGS = 15
};

struct request {
	uint32_t magic, version, size; /* of this struct */
	uint32_t kind, fds, flags;
	uint32_t records, zero;
	char job[72];    /* RUN, KILL */
	char id[72];     /* RUN: the stage; HAS, IMPORT, REMOVE: the image */
	char commit[72]; /* RUN: key, or empty */
	char name[64];   /* IMPORT: of the stage, or empty */
	/* RUN: seconds, bytes, counts as in run.h; cpus in thousandths */
	int64_t time, silence, grace, log_max;
	int64_t memory, pids, cpus, disk;
	int64_t artifact_bytes, artifact_files;
	int64_t reserve, pressure; /* and READY; reserve -1: as usual */
};

enum record_kind {
	RECORD_LAYER = 1, /* name: key; bottom to top */
	RECORD_SOURCE,    /* name, stored */
	RECORD_CONF,      /* stored */
	RECORD_PHASE,     /* name, net */
	RECORD_ARGUMENT,  /* name: of the command in the jail */
	RECORD_KINDS
};

struct request_record {
	uint32_t kind, net;
	char name[256];
	char stored[144];
};

/*
 * code: an exit status of autotua-chroot. Then items follow; of CAPABILITIES
 * that many bytes of JSON.
 */
struct request_answer {
	uint32_t magic;
	int32_t code;
	uint32_t items;
	int32_t error;  /* errno of the trouble, 0 when there is none */
	char id[72];    /* IMPORT */
	char text[512]; /* why, if it isn't good */
};

struct request_item {
	uint32_t kind; /* 0 stage, 1 layer */
	uint32_t zero;
	char id[72];
	char name[64];
	uint64_t size;
	int64_t used; /* seconds since 1970 */
};

/* A message of n bytes. -1 with what is wrong with which field. */
int request_check(const void *message, size_t n, struct error *err);

/* The records of a message that passed. */
int request_check_records(const struct request *q,
    const struct request_record *records, struct error *err);

/* How many descriptors it must have come with. */
unsigned request_count_fds(const struct request *q);

#endif
