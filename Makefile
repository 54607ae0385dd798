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
LIBS_MASTER  := -lmicrohttpd -lgnutls -lsqlite3 -larchive -lzstd -lm $(LIBS_JOBUILD)
PKG_CFLAGS   := $(shell pkg-config --cflags gpgme 2>/dev/null)

# ---- sources: a folder is a room, all that is in it is built ----------------

objects = $(patsubst %.c,$B/%.o,$(wildcard $(1:%=%/*.c) $(1:%=%/*/*.c)))

base_o    := $(call objects,jobuild/base)
room_o    := $(call objects,$(addprefix jobuild/,recipe tree plan net run))
cli_o     := $(call objects,jobuild/cli)
chroot_o  := $(filter-out $B/chroot/unpack/%,$(call objects,chroot))
unpack_o  := $(filter $B/chroot/unpack/%,$(call objects,chroot)) \
	$(addprefix $B/chroot/sys/,priv.o sys.o)
slave_o   := $(call objects,slave)
master_o  := $(call objects,master)
built_o   := $(base_o) $(room_o) $(cli_o) $(chroot_o) $(unpack_o) $(slave_o) \
	$(master_o)
unit_t    := $(patsubst %.c,$B/%.t,$(wildcard tests/unit/*.c))

PROGRAMS := $(addprefix $B/bin/,jobuild autotua-chroot autotua-unpack \
	autotua-slave autotua-master)

# A build folder has the shape of an installation, so that programs find
# each other: bin/ and share/autotua/.
helpers := $(addprefix $B/share/autotua/,jobuild.sh helpers.sh)

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

$(helpers): $B/share/autotua/%: jobuild/sh/%
	@mkdir -p $(@D)
	@cp $< $@

# What is no longer in a folder goes out of what was built.
$B/.objects: force
	@mkdir -p $(@D)
	@echo '$(built_o)' | cmp -s - $@ || echo '$(built_o)' >$@
.PHONY: force
$B/libbase.a $B/libjobuild.a $(PROGRAMS): $B/.objects
linked = $(filter %.o %.a,$^)

$B/libbase.a: $(base_o)
$B/libjobuild.a: $(base_o) $(room_o)
$B/libbase.a $B/libjobuild.a:
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcsD $@ $(linked)

$B/bin/jobuild: $(cli_o) $B/libjobuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $(linked) $(LIBS_JOBUILD)
# Without libraries it starts in less time and has nobody's code but libc's;
# make STATIC= where there is no static libc.
STATIC ?= $(if $(SANITIZE),,-static-pie)
$B/bin/autotua-chroot: $(chroot_o) $B/libbase.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) $(STATIC) -o $@ $(linked)
$B/bin/autotua-unpack: $(unpack_o) $B/libbase.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $(linked) $(LIBS_UNPACK)
$B/bin/autotua-slave: $(slave_o) $B/libjobuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $(linked) $(LIBS_SLAVE)
$B/bin/autotua-master: $(master_o) $B/libjobuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $(linked) $(LIBS_MASTER)

$B/tests/unit/%.t: $B/tests/unit/%.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_SLAVE) -larchive -lsqlite3
$B/tests/unit/cli_%.t: $B/tests/unit/cli_%.o \
		$(filter-out %/cli/main.o,$(cli_o)) $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_JOBUILD)
$B/tests/unit/chroot_%.t: $B/tests/unit/chroot_%.o \
		$(filter-out %/chroot/main.o,$(chroot_o)) $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)
$B/tests/unit/slave_%.t: $B/tests/unit/slave_%.o \
		$(filter-out %/slave/main.o,$(slave_o)) $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_SLAVE)
$B/tests/unit/master_%.t: $B/tests/unit/master_%.o \
		$(filter-out %/master/main.o,$(master_o)) $B/libjobuild.a
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
chaos      := $B/tests/daemon/chaosnet $B/tests/daemon/chaosclock.so
load       := $B/tests/bench/load $B/tests/bench/loadcerts
TEST_PROGS := $(chaos) $(load) $B/tests/resolve/differ $B/tests/resolve/peer \
	$B/tests/chroot/asker $B/tests/chroot/filtered \
	$B/tests/chroot/probe $B/tests/resolve/cases $B/tests/parse/parsetest \
	$B/tests/parse/mutants $B/tests/sched/sim \
	$B/tests/value/valuetest $B/tests/example/values
PROVE      := B='$(abspath $B)' CC='$(CC)' prove -j2 --exec ''

# for a stage without libraries
probe_c := $(wildcard tests/chroot/probe*.c)
$B/tests/chroot/probe: $(probe_c) tests/chroot/probe.h Makefile | $B/.needs
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARN) -static -o $@ $(probe_c)

$B/tests/chroot/asker: $B/tests/chroot/asker.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)

$B/tests/chroot/filtered: $B/tests/chroot/filtered.o \
		$B/chroot/jail/filter.o $B/libbase.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^

# nothing of ours is in it: its names would meet libsolv's
$B/tests/resolve/peer: $B/tests/resolve/peer.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ -lsolv
$B/tests/resolve/cases $B/tests/resolve/differ: $B/tests/resolve/%: \
		$B/tests/resolve/%.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_JOBUILD)

$B/tests/parse/parsetest: $B/tests/parse/parsetest.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)
$B/tests/parse/mutants: $B/tests/parse/mutants.o $B/tests/parse/mutate.o \
		$B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)
$B/tests/value/valuetest: $B/tests/value/valuetest.o \
		$B/tests/parse/mutate.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_BASE)

$B/tests/daemon/chaosnet: $B/tests/daemon/chaosnet.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^
$(load): %: %.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ -lgnutls -ljansson
# goes into processes with and without sanitizers
$B/tests/daemon/chaosclock.so: tests/daemon/chaosclock.c Makefile | $B/.needs
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 $(WARN) -fPIC -shared -o $@ $<

$B/tests/sched/sim: $(addprefix $B/tests/sched/,sim.o case.o graph.o) \
		$(filter-out %/master/main.o,$(master_o)) $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_MASTER)

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

# Hundreds of kills at random moments; dozens are part of "make check".
.PHONY: check-kill
check-kill: all check-needs $B/tests/chroot/asker
	@ROUNDS=600 $(PROVE) tests/chroot/kill.t

# The parser and the values against bash: SEED= which random ones, COUNT= how
# many of each.
.PHONY: check-bash
check-bash: all check-needs $B/tests/parse/mutants $B/tests/value/valuetest
	@SEED=$(or $(SEED),$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')) \
		COUNT='$(or $(COUNT),200000)' $(PROVE) -v \
		tests/parse/mutants.t tests/value/run.t

# make corpus CORPUS="DIR..." compares with bash on recipes of others.
.PHONY: corpus
corpus: $B/tests/corpus/corpus $B/tests/parse/parsetest
	@B='$(abspath $B)' tests/corpus/compare $(CORPUS)

# The farm with all that breaks: SEED= which faults, MINUTES= for how long.
.PHONY: check-chaos
check-chaos: all check-needs $(chaos)
	@SEED='$(SEED)' MINUTES='$(or $(MINUTES),10)' $(PROVE) -v \
		tests/daemon/chaos.t

# The master's statements, prepared by a PostgreSQL of its own.
.PHONY: check-postgresql
check-postgresql: all $B/tests/postgresql/statements
	@tests/tools/install-needs run postgresql
	@$(PROVE) -v tests/postgresql/prepare
$B/tests/postgresql/statements: $B/tests/postgresql/statements.o \
		$B/master/store/sql.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^

# The jail and the services on Debian's kernel, with systemd: VM="TEST ..."
# which tests.
.PHONY: check-vm
check-vm: all $B/tests/chroot/asker $B/tests/chroot/probe \
		$B/tests/chroot/filtered
	@tests/tools/install-needs run check vm
	@B='$(abspath $B)' tests/vm/vm $(VM)

# ---- demo and benchmarks -----------------------------------------------------

.PHONY: demo bench
demo: all
	@tests/tools/install-needs run demo
	@B='$(abspath $B)' tests/demo/demo

BENCH ?= recipes plan tree signatures jail farm load
bench: all $B/tests/bench/recipes $B/tests/bench/plan $B/tests/bench/tree \
		$B/tests/resolve/peer $B/tests/sched/sim \
		$B/tests/bench/jailer $B/tests/bench/treegen $(load)
	@tests/tools/install-needs run check bench
	@B='$(abspath $B)' tests/bench/bench $(BENCH)
$B/tests/bench/tree: $B/tests/bench/tree.o $B/jobuild/cli/workers.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_JOBUILD)
$B/tests/bench/%: $B/tests/bench/%.o $B/libjobuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LIBS_JOBUILD)

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
$B/fuzz/bin/request: $B/fuzz/obj/chroot/request.o $B/fuzz/obj/chroot/sys/id.o
$B/fuzz/bin/asked: $B/fuzz/obj/master/http/parse.o $B/fuzz/obj/master/http/uri.o
$B/fuzz/bin/hours: $B/fuzz/obj/slave/hours.o
$B/fuzz/bin/packages: $B/fuzz/obj/master/stages/packages.o $B/fuzz/obj/master/stages/packages_rpm.o
$B/fuzz/bin/saved: $B/fuzz/obj/master/backup/saved.o $B/fuzz/obj/master/backup/saved_tar.o
$B/fuzz/bin/%: $B/fuzz/obj/tests/fuzz/%.o $(fuzz_o)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(FUZZ_C) -fsanitize=fuzzer,address,undefined -o $@ $^ \
		$(LIBS_SLAVE) -larchive -lsqlite3

# ---- install ---------------------------------------------------------------

MAN := $(wildcard man/*.[1-8])

# FROM:TO below share/, where shells and editors look by themselves.
SHELLS  := $(foreach p,jobuild autotua-master autotua-slave autotua-chroot, \
	$p:bash:bash-completion/completions/$p $p:zsh:zsh/site-functions/_$p \
	$p:fish:fish/vendor_completions.d/$p.fish)
EDITORS := vim/ftdetect/jobuild.vim:vim/vimfiles/ftdetect/jobuild.vim \
	vim/ftplugin/jobuild.vim:vim/vimfiles/ftplugin/jobuild.vim \
	vim/syntax/jobuild.vim:vim/vimfiles/syntax/jobuild.vim \
	emacs/jobuild-mode.el:emacs/site-lisp/jobuild-mode.el \
	$(foreach f,package.json language-configuration.json tasks.json \
		syntaxes/jobuild.tmLanguage.json,vscode/$f:autotua/vscode/$f)

# For systemd: what has @SBINDIR@ in it gets the place of the programs.
unitdir     ?= $(PREFIX)/lib/systemd/system
sysusersdir ?= $(PREFIX)/lib/sysusers.d
tmpfilesdir ?= $(PREFIX)/lib/tmpfiles.d
UNITS := autotua-master.service autotua-slave.service

.PHONY: install install-units uninstall clean
install-units:
	install -d $(DESTDIR)$(unitdir)
	for h in master slave; do \
		sed 's|@SBINDIR@|$(sbindir)|' $$h/autotua-$$h.service.in \
			>$(DESTDIR)$(unitdir)/autotua-$$h.service && \
			chmod 644 $(DESTDIR)$(unitdir)/autotua-$$h.service || \
			exit 1; \
	done
	install -D -m 644 master/autotua.sysusers \
		$(DESTDIR)$(sysusersdir)/autotua.conf
	install -D -m 644 master/autotua.tmpfiles \
		$(DESTDIR)$(tmpfilesdir)/autotua.conf
install: all install-units
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) $(DESTDIR)$(sharedir) \
		$(DESTDIR)$(libexec)
	install -m 755 $B/bin/jobuild $(DESTDIR)$(bindir)
	install -m 755 $B/bin/autotua-master $B/bin/autotua-slave \
		$B/bin/autotua-chroot $(DESTDIR)$(sbindir)
	install -m 755 $B/bin/autotua-unpack $(DESTDIR)$(libexec)
	install -m 644 jobuild/sh/jobuild.sh jobuild/sh/helpers.sh \
		$(DESTDIR)$(sharedir)
	for x in $(SHELLS); do \
		y=$${x#*:}; $B/bin/$${x%%:*} completion $${y%%:*} \
			>$B/completion && install -D -m 644 $B/completion \
			$(DESTDIR)$(PREFIX)/share/$${y#*:} || exit 1; \
	done
	for x in $(EDITORS); do \
		install -D -m 644 jobuild/editor/$${x%%:*} \
			$(DESTDIR)$(PREFIX)/share/$${x#*:} || exit 1; \
	done
	for m in $(MAN); do \
		install -D -m 644 -t $(DESTDIR)$(mandir)/man$${m##*.} $$m || \
			exit 1; \
	done
uninstall:
	rm -f $(DESTDIR)$(bindir)/jobuild $(DESTDIR)$(sbindir)/autotua-master \
		$(DESTDIR)$(sbindir)/autotua-slave \
		$(DESTDIR)$(sbindir)/autotua-chroot \
		$(DESTDIR)$(libexec)/autotua-unpack
	rm -f $(UNITS:%=$(DESTDIR)$(unitdir)/%) \
		$(DESTDIR)$(sysusersdir)/autotua.conf \
		$(DESTDIR)$(tmpfilesdir)/autotua.conf
	rm -f $(DESTDIR)$(sharedir)/jobuild.sh $(DESTDIR)$(sharedir)/helpers.sh
	for x in $(SHELLS) $(EDITORS); do \
		rm -f $(DESTDIR)$(PREFIX)/share/$${x##*:}; \
	done
	-rmdir $(DESTDIR)$(sharedir)/vscode/syntaxes $(DESTDIR)$(sharedir)/vscode
	-rmdir $(DESTDIR)$(sharedir) $(DESTDIR)$(libexec)
	for m in $(MAN); do \
		rm -f $(DESTDIR)$(mandir)/man$${m##*.}/$${m#man/}; \
	done
# only a folder that a build has made
clean:
	@test ! -e $B/.needs || rm -rf $B
