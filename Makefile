# SPDX-License-Identifier: GPL-2.0-or-later
#
#	make demo	the way of a job on real input, below build/demo/
#	make check	all tests (check-unit, check-value, ... for one room's)
#	make lint	form, size, static analysis, manuals
#
# Variables: SANITIZE=address,undefined  CC=clang  DESTDIR=  PREFIX=/usr/local
# B=build (output).  What must be installed: tests/tools/install-needs.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

CC       ?= gcc
SANITIZE ?=
B        ?= build$(if $(SANITIZE),/san)
PREFIX   ?= /usr/local
VERSION  := 0.1.0

bindir   = $(PREFIX)/bin
sbindir  = $(PREFIX)/sbin
libexec  = $(PREFIX)/libexec/autotua
sharedir = $(PREFIX)/share/autotua
mandir   = $(PREFIX)/share/man

ifeq ($(origin CC),default)
CC := gcc
endif

# ---- flags ----------------------------------------------------------------

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wvla \
	-Wformat=2 -Wundef -Wpointer-arith -Wimplicit-fallthrough
HARD := -fstack-protector-strong -fstack-clash-protection -fPIE
FORT := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
ifneq ($(SANITIZE),)
HARD := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -fPIE
FORT :=
endif
ifneq ($(CI),)
WARN += -Werror
endif

CFLAGS  ?= -O2 -g
ALL_C    = -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARN) $(HARD) $(FORT) \
	-DVERSION='"$(VERSION)"' -DLIBEXEC='"$(libexec)"' \
	-DSHAREDIR='"$(sharedir)"' \
	-include jobuild/base/banned.h -Ijobuild -I. $(PKG_CFLAGS)
ALL_LD   = $(LDFLAGS) -pie -Wl,-z,relro,-z,now \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE))

LIBS_BASE    := -ljansson -lgcrypt
LIBS_JOBUILD := -lgit2 -lgpgme -lcurl -lz $(LIBS_BASE)
LIBS_UNPACK  := -larchive -lgcrypt
LIBS_SLAVE   := -lgnutls $(LIBS_JOBUILD)
LIBS_MASTER  := -lmicrohttpd -lgnutls -lsqlite3 -lzstd -lm $(LIBS_JOBUILD)
PKG_CFLAGS   := $(shell pkg-config --cflags gpgme 2>/dev/null)

# ---- sources: one list a room ----------------------------------------------

BASE    := arena buf conf diag digest error file log map proc show utf8
RECIPE  := atom bytes chain command compound cond dep fields follow globals \
	habits lex lint list names nearest outbound param parse pattern quote \
	recipe require scope silence survey token usage value walk whole word \
	wording
TREE    := folder git keyring layout load manifest mirror openpgp pack \
	sign sources tree unpack verifier verify work
PLAN    := closure conflict core cycle explain graph key plan pool resolve \
	sat source unit
NET     := fetch http part problem store transfer url
RUN     := folder jail judge outcome report sources step unit where
CLI     := artifacts cancel cli client config distfile eval graph head jobview keys \
	lint local log main manifest new options parse repo result run settings \
	show sign source stage status steps submit target text verify wants watch
CHROOT  := args collect id init inside jail layer main mounts priv root run stage state sys unpacker walk
UNPACK  := priv sys unpack unpack_main
SLAVE   := backoff call capsule claim conf deliver enroll greet lease main probe \
	session spool stage worker
MASTER  := admin api api_info api_jobs api_lease api_people api_slave blobs \
	capsule child claims db dispatch httpd load logs loop main newjob pack \
	peer pki plans request schema serve serve_file sql stage state status \
	uri validate wants wish \
	$(addprefix sched/,class ids lock pick queue reasons sched share)

UNIT    := base atom recipe plan cli_text manifest keyring sign tree verify pack store fetch http outcome slave_parts slave_spool \
	master_db master_sched master_uri

base_o    := $(BASE:%=$B/jobuild/base/%.o)
room_o    := $(RECIPE:%=$B/jobuild/recipe/%.o) $(TREE:%=$B/jobuild/tree/%.o) \
	$(PLAN:%=$B/jobuild/plan/%.o) $(NET:%=$B/jobuild/net/%.o) \
	$(RUN:%=$B/jobuild/run/%.o)
cli_o     := $(CLI:%=$B/jobuild/cli/%.o)
chroot_o  := $(CHROOT:%=$B/chroot/%.o)
unpack_o  := $(UNPACK:%=$B/chroot/%.o)
slave_o   := $(SLAVE:%=$B/slave/%.o)
master_o  := $(MASTER:%=$B/master/%.o)
unit_t    := $(UNIT:%=$B/tests/unit/%.t)

PROGRAMS := $(if $(CLI),$B/bin/jobuild) $(if $(CHROOT),$B/bin/autotua-chroot $B/bin/autotua-unpack) \
	$(if $(SLAVE),$B/bin/autotua-slave) $(if $(MASTER),$B/bin/autotua-master)

# A build folder has the shape of an installation, so that programs find
# each other: bin/ and share/autotua/.
helpers := $B/share/autotua/jobuild.sh

.PHONY: all
all: $(PROGRAMS) $(helpers)

# Short lines; make V=1 shows the commands.
Q   := $(if $(V),,@)
say  = @echo "  $(1)	$(2)"

# ---- rules -----------------------------------------------------------------

.SECONDARY: # objects are kept, whoever asked for them

$B/%.o: %.c Makefile | $B/.needs
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_C) -MMD -MP -c -o $@ $<

$(helpers): jobuild/sh/jobuild.sh
	@mkdir -p $(@D)
	@cp $< $@

$B/libbase.a: $(base_o)
$B/libjobuild.a: $(base_o) $(room_o)
$B/libbase.a $B/libjobuild.a:
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcsD $@ $^

$B/bin/jobuild: $(cli_o) $B/libjobuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_JOBUILD)
$B/bin/autotua-chroot: $(chroot_o) $B/libbase.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^
$B/bin/autotua-unpack: $(unpack_o) $B/libbase.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_UNPACK)
$B/bin/autotua-slave: $(slave_o) $B/libjobuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_SLAVE)
$B/bin/autotua-master: $(master_o) $B/libjobuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_MASTER)

$B/tests/unit/%.t: $B/tests/unit/%.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_SLAVE) -larchive -lsqlite3
$B/tests/unit/cli_%.t: $B/tests/unit/cli_%.o \
		$(filter-out %/main.o,$(cli_o)) $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_JOBUILD)
$B/tests/unit/slave_%.t: $B/tests/unit/slave_%.o \
		$(filter-out %/main.o,$(slave_o)) $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_SLAVE)
$B/tests/unit/master_%.t: $B/tests/unit/master_%.o \
		$(filter-out %/main.o,$(master_o)) $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_MASTER)

-include $(shell find $(wildcard $B/jobuild $B/chroot $B/master \
	$B/slave $B/tests $B/fuzz/obj) /dev/null -name '*.d' -type f)

# What is missing is installed once a build folder (as root), see the script.
$B/.needs: tests/tools/install-needs
	@mkdir -p $(@D)
	@tests/tools/install-needs build
	@touch $@

# ---- tests -----------------------------------------------------------------

# make check TESTS="tests/sh/unpack.t" runs just these.
AREAS      := $(filter-out bench,$(sort \
	$(patsubst tests/%/,%,$(dir $(wildcard tests/*/*.t)))))
TESTS      ?= $(unit_t) $(foreach a,$(AREAS),$(wildcard tests/$a/*.t))
TEST_PROGS := $B/tests/resolve/cases $B/tests/parse/parsetest $B/tests/sched/sim \
	$B/tests/value/valuetest $B/tests/example/values
PROVE      := B='$(abspath $B)' CC='$(CC)' prove -j2 --exec ''

$B/tests/resolve/cases: $B/tests/resolve/cases.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_JOBUILD)

$B/tests/parse/parsetest: $B/tests/parse/parsetest.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)
$B/tests/value/valuetest: $B/tests/value/valuetest.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)

sched_o := $(filter $B/master/sched/%,$(master_o))
$B/tests/sched/sim: $B/tests/sched/sim.o $(sched_o) $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE) -lm

$B/tests/example/values: $B/tests/example/values.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)
$B/tests/corpus/corpus: $B/tests/corpus/corpus.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)

.PHONY: check check-these check-needs check-unit $(AREAS:%=check-%)
check-needs:
	@tests/tools/install-needs build run check
check: all check-needs $(unit_t) $(TEST_PROGS)
	@$(MAKE) --no-print-directory check-these
# without building anything first
check-these:
	@$(PROVE) $(TESTS)
check-unit: check-needs $(unit_t)
	@$(PROVE) $(unit_t)
$(AREAS:%=check-%): check-%: all check-needs $(TEST_PROGS)
	@$(PROVE) $(wildcard tests/$*/*.t)

# make corpus CORPUS="DIR..." compares with bash on recipes of others.
.PHONY: corpus
corpus: $B/tests/corpus/corpus $B/tests/parse/parsetest
	@B='$(abspath $B)' tests/corpus/compare $(CORPUS)

# ---- demo and benchmarks -----------------------------------------------------

.PHONY: demo bench
demo: all
	@tests/tools/install-needs run demo
	@B='$(abspath $B)' tests/demo/demo

BENCH ?= recipes jail farm
bench: all $B/tests/bench/recipes
	@tests/tools/install-needs run check bench
	@B='$(abspath $B)' tests/bench/bench $(BENCH)
$B/tests/bench/%: $B/tests/bench/%.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)

# ---- lint ------------------------------------------------------------------

LINT_C := -std=c11 -D_GNU_SOURCE -DVERSION="" -DLIBEXEC="" -DSHAREDIR="" \
	-Ijobuild -I. $(PKG_CFLAGS)

.PHONY: lint
lint: $B/.needs
	@tests/tools/install-needs lint
	@B='$(abspath $B)' CPPFLAGS='$(LINT_C)' tests/tools/lint

# ---- fuzz ------------------------------------------------------------------

# Each tests/fuzz/NAME.c against the library; what is found is kept in
# $B/fuzz/NAME, the seeds in tests/fuzz/corpus/NAME are only read.
FUZZ_SECONDS ?= 60
FUZZ   := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_C := clang -std=c11 -D_GNU_SOURCE -O1 -g -Ijobuild -I. $(PKG_CFLAGS) \
	-DVERSION='"$(VERSION)"' -DLIBEXEC='"$(libexec)"' \
	-DSHAREDIR='"$(sharedir)"' -include jobuild/base/banned.h \
	-fno-omit-frame-pointer -fno-sanitize-recover=all
fuzz_o := $(patsubst $B/%,$B/fuzz/obj/%,$(base_o) $(room_o))

.PHONY: fuzz fuzz-needs $(FUZZ:%=fuzz-%)
fuzz: $(FUZZ:%=fuzz-%)
fuzz-needs:
	@tests/tools/install-needs build fuzz
$(FUZZ:%=fuzz-%): fuzz-%: $B/fuzz/bin/%
	@mkdir -p $B/fuzz/$*
	$< -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=10 \
		-print_final_stats=1 -artifact_prefix=$B/fuzz/$*- \
		$(if $(wildcard tests/fuzz/$*.dict),-dict=tests/fuzz/$*.dict) \
		$B/fuzz/$* $(wildcard tests/fuzz/corpus/$*)
$B/fuzz/obj/%.o: %.c Makefile | fuzz-needs
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(FUZZ_C) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP \
		-c -o $@ $<
$B/fuzz/bin/%: $B/fuzz/obj/tests/fuzz/%.o $(fuzz_o)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(FUZZ_C) -fsanitize=fuzzer,address,undefined -o $@ $^ \
		$(LIBS_SLAVE) -larchive

# ---- install ---------------------------------------------------------------

MAN := $(wildcard man/*.[1-8])

.PHONY: install uninstall clean
install: all
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) $(DESTDIR)$(sharedir) \
		$(DESTDIR)$(libexec)
	install -m 755 $B/bin/jobuild $(DESTDIR)$(bindir)
	install -m 755 $B/bin/autotua-master $B/bin/autotua-slave \
		$B/bin/autotua-chroot $(DESTDIR)$(sbindir)
	install -m 755 $B/bin/autotua-unpack $(DESTDIR)$(libexec)
	install -m 644 jobuild/sh/jobuild.sh $(DESTDIR)$(sharedir)
	for m in $(MAN); do \
		install -D -m 644 -t $(DESTDIR)$(mandir)/man$${m##*.} $$m || \
			exit 1; \
	done
uninstall:
	rm -f $(DESTDIR)$(bindir)/jobuild $(DESTDIR)$(sbindir)/autotua-master \
		$(DESTDIR)$(sbindir)/autotua-slave \
		$(DESTDIR)$(sbindir)/autotua-chroot \
		$(DESTDIR)$(libexec)/autotua-unpack
	rm -f $(DESTDIR)$(sharedir)/jobuild.sh
	-rmdir $(DESTDIR)$(sharedir) $(DESTDIR)$(libexec)
	for m in $(MAN); do \
		rm -f $(DESTDIR)$(mandir)/man$${m##*.}/$${m#man/}; \
	done
# only a folder that a build has made
clean:
	@test ! -e $B/.needs || rm -rf $B
