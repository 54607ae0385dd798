# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a master bears: slaves that wait, units that wait, units that come and
# go, logs. Slaves are those of tests/bench/load, and two real ones at the
# end. Part of tests/bench/bench. LOAD_SLAVES and LOAD_UNITS say how many.
# shellcheck disable=SC2154,SC2034 # set by farm.sh and bench, read by it

load() { "$bin/../tests/bench/load" "$@"; }
load_as() { load "$1" "${url##*:}" "${pid[master]}" "$tmp/certs" "$2" "$3"; } # WHAT SLAVES N
rss_mb() { awk '/VmRSS/ { printf "%.0f MB", $2 * 1024 / 1000000 }' "/proc/${pid[master]}/status"; }
cpu_ms() { awk '{ sub(/.*\) /, ""); print ($12 + $13) * 10 }' "/proc/${pid[master]}/stat"; }

# A jobuild that needs the first N of the others.
load_all() { # N
	local i

	printf 'DESCRIPTION="the first %d"\nSIDEPEND="' "$1"
	for ((i = 0; i < $1; i++)); do printf 'load/n%d\n' "$i"; done
	printf '"\n'
}
load_tree() {
	local i

	farm_tree load
	printf 'DESCRIPTION="does nothing"\njob_run() { :; }\n' | recipe load/one/one-1.0
	for ((i = 0; i < 400; i++)); do
		printf 'DESCRIPTION="number %d"\njob_run() { :; }\n' "$i" | recipe "load/n$i/n$i-1.0"
	done
	load_all 100 | recipe load/all/all-1.0
	load_all 400 | recipe load/many/many-1.0
	sign load && commit "all"
}

# The last job, N times more: as many units as that makes.
load_copies() { # N
	local jobs units

	columns() { db "SELECT group_concat(name) FROM pragma_table_info('$1') WHERE name NOT IN ($2)"; }
	jobs=$(columns job "'id'") units=$(columns unit "'id', 'job_id'")
	db <<-X
		PRAGMA synchronous = off;
		BEGIN;
		CREATE TEMP TABLE k AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT i FROM n;
		CREATE TEMP TABLE u AS SELECT * FROM unit WHERE job_id = $job;
		INSERT INTO job (id, $jobs) SELECT id + i, $jobs FROM job, k WHERE id = $job;
		INSERT INTO unit (id, job_id, $units) SELECT id + i * 1000, job_id + i, $units FROM k, u;
		INSERT INTO step SELECT s.unit_id + i * 1000, s.step, s.atom, s.key FROM k, u JOIN step s ON s.unit_id = u.id;
		INSERT INTO edge SELECT e.unit_id + i * 1000, e.needs_id + i * 1000 FROM k, u JOIN edge e ON e.unit_id = u.id;
		COMMIT;
	X
}

load_idle() {
	local n

	for n in ${LOAD_SLAVES-1000 10000}; do
		rows "  idle" "MB <= 350" "  idle" "% of a core <= 2" < <(load_as idle "$n" 60 || echo failed)
		kill_daemon master TERM
		start_master
	done
}

load_waiting() {
	local begin took copies=$((${LOAD_UNITS-300000} / 101)) n

	submit load/all || return
	kill_daemon master TERM
	load_copies "$copies" || return
	begin=${EPOCHREALTIME/./}
	start_master
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	n=$((copies * 101 + 101))
	row "start with $n units that wait" \
		"$took ms, $(rss_mb), $(db 'SELECT count(*) FROM slave') slaves known" "ms <= 3000" "MB <= 100"
	row "  a choice among so many, in memory" "$("$bin/../tests/sched/sim" "$top/tests/bench/choice.case" | sed -n 's/^choice.*: \([0-9.]*\).*/\1 us/p')" "us <= 20"
	# not more than there are
	load_as units 2 $((n / 4 < 2000 ? n / 4 : 2000)) || missing=1
	load_as units 100 $((n / 2 < 5000 ? n / 2 : 5000)) || missing=1
	rows "log" "MB/s >= 150" < <(load_as log 4 1024 || echo failed)
	row "  the master after this work" "$(rss_mb)"
	echo "DELETE FROM edge; DELETE FROM report; DELETE FROM step; DELETE FROM lease; DELETE FROM unit; DELETE FROM job" >"$tmp/empty"
	kill_daemon master TERM
	db <"$tmp/empty"
	rm -rf "$tmp"/master/logs/*
	start_master
}

# Units a second of a job of 401, and what each costs the master.
load_rate() {
	local before rate

	before=$(cpu_ms)
	rate=$(units_rate load/many 401) || return
	awk -v rate="$rate" -v ms=$(($(cpu_ms) - before)) \
		'BEGIN { printf "%s, %.1f ms of the master'"'"'s CPU each\n", rate, ms / 401 }'
}

# A machine with two slots, as a lender has it.
load_real() {
	local i atoms=()

	enroll_slave one || return
	sed -i 's/^slots = .*/slots = 2/' "$tmp/one/slave.conf"
	start_slave one
	submit load/one && within 60 job_ended || return
	row "no-op jobuilds, 2 real slots, all new" "$(load_rate)" "/s >= 150" "ms of the master's CPU <= 1"
	row "  the same job again, all of it run" "$(load_rate)" "/s >= 150" "ms of the master's CPU <= 1"
	for ((i = 0; i < 20; i++)); do atoms+=(load/one); done
	row "  one no-op job, accepted to result (20)" "$(result_ms "${atoms[@]}")" "ms <= 12"
}

bench_load() {
	local lease_time=600s # farm.sh reads it

	ulimit -n "$(ulimit -Hn)"
	load_tree
	farm_master load || return
	echo "connections-per-address = 0" >>"$tmp/master/master.conf"
	kill_daemon master TERM
	"$bin/../tests/bench/loadcerts" "$tmp/master" 10000 "$tmp/certs" | db
	start_master
	load_idle
	load_waiting || missing=1
	load_real || missing=1
	bench_slurm || missing=1
	bench_buildbot
}

# ---- the same work by what a user would pick instead ----------------------------------

# As its guide for high throughput has it: what ends makes room at once and what
# waits is looked at each second, not each minute; little is logged. To defer
# what is submitted costs srun a second.
slurm_conf() { # FOLDER
	cat <<-X
		ClusterName=bench
		SlurmctldHost=$(uname -n)(127.0.0.1)
		MpiDefault=none
		SlurmctldPort=27817
		NodeName=bench NodeHostname=bench NodeAddr=127.0.0.1 Port=27818 CPUs=2
		PartitionName=all Nodes=bench Default=YES State=UP
		AuthInfo=socket=$1/munge
		SlurmUser=root
		StateSaveLocation=$1/state
		SlurmdSpoolDir=$1/spool
		SlurmctldPidFile=$1/ctld.pid
		SlurmdPidFile=$1/slurmd.pid
		SlurmctldLogFile=$1/ctld.log
		SlurmdLogFile=$1/slurmd.log
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		ReturnToService=2
		MaxArraySize=10001
		SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,default_queue_depth=10000
		PriorityType=priority/basic
		JobAcctGatherType=jobacct_gather/none
		SlurmctldDebug=error
		SlurmdDebug=error
	X
}
slurm_start() { # FOLDER
	mkdir -p "$1/state" "$1/spool"
	head -c 128 /dev/urandom >"$1/key"
	chmod 400 "$1/key"
	munged --foreground --force --key-file="$1/key" --socket="$1/munge" --pid-file="$1/munge.pid" \
		--seed-file="$1/seed" --log-file="$1/munge.log" >/dev/null 2>&1 &
	pid[munged]=$!
	within 10 test -S "$1/munge" || return
	slurm_conf "$1" >"$1/slurm.conf"
	export SLURM_CONF=$1/slurm.conf
	slurmctld -D >/dev/null 2>&1 &
	pid[slurmctld]=$!
	slurmd -D -N bench >/dev/null 2>&1 &
	pid[slurmd]=$!
	within 10 timeout 5 srun true
}
slurm_empty() { [[ -z $(squeue -h) ]]; }
# Jobs a second, or steps, N in all, from the submit to an empty queue.
slurm_rate() { # N SBATCH-ARGUMENT...
	local begin=${EPOCHREALTIME/./} n=$1

	shift
	sbatch --quiet --output=/dev/null "$@" && within 600 slurm_empty || return
	awk -v n="$n" -v t=$((${EPOCHREALTIME/./} - begin)) 'BEGIN { printf "%.1f/s", n * 1e6 / t }'
}

# Two slots, as the farm before: a step of a job is a fork of slurmd's.
bench_slurm() {
	local n=40 dir=$tmp/slurm

	type -P slurmctld slurmd munged >/dev/null || {
		row "Slurm" "is not installed"
		return
	}
	slurm_start "$dir" || {
		tail -n 3 "$dir"/*.log
		return 1
	}
	row "Slurm, srun true" "$(times 20 srun true)"
	row "  no-op jobs, 2 slots, an array" "$(slurm_rate "$n" --array="1-$n" --wrap=true)"
	# what is not a job for it, but as small as it gets: no place of its own in the queue
	row "  no-op steps of one job, 2 slots" "$(slurm_rate "$n" --ntasks=2 \
		--wrap="seq $n | xargs -P 2 -I {} srun --ntasks=1 --exact true")"
	for n in slurmd slurmctld munged; do
		kill_daemon "$n" TERM
	done
}

# One change makes N builds, as N schedulers look at its branch "all"; one of
# the branch "one" makes one.
buildbot_conf() { # N PORT
	cat <<-X
		from buildbot.plugins import changes, schedulers, steps, util, worker
		c = BuildmasterConfig = {}
		c["workers"] = [worker.Worker("w", "secret", max_builds=2)]
		c["protocols"] = {"pb": {"port": "tcp:$2:interface=127.0.0.1"}}
		c["db"] = {"db_url": "sqlite:///state.sqlite"}
		c["change_source"] = [changes.PBChangeSource(user="a", passwd="b")]
		c["collapseRequests"] = False
		c["buildbotNetUsageData"] = None
		def scheduler(name, branch):
		    return schedulers.SingleBranchScheduler(name=name, builderNames=["noop"],
		        treeStableTimer=None, change_filter=util.ChangeFilter(branch=branch))
		c["schedulers"] = [scheduler("s%d" % i, "all") for i in range($1)] + [scheduler("one", "one")]
		c["builders"] = [util.BuilderConfig(name="noop", workernames=["w"],
		    factory=util.BuildFactory([steps.ShellCommand(command=["true"])]))]
	X
}

# What a user does, and then looks at the database until all is built: prints
# the seconds that each of the branch "one" took, then that of "all".
buildbot_client() { # N PORT DATABASE
	# shellcheck disable=SC2046 # the interpreter that has its modules
	$(sed -n '1s/^#! *//p' "$(type -P buildbot)") - "$@" <<-'X'
		import sqlite3, sys, time
		from buildbot.clients.sendchange import Sender
		from twisted.internet import defer, reactor, task

		n, port, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
		sender = Sender("127.0.0.1:" + port, ("a", "b"))

		def built():
		    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=10)
		    (done,) = db.execute("SELECT count(*) FROM builds WHERE complete_at IS NOT NULL AND results = 0").fetchone()
		    db.close()
		    return done

		@defer.inlineCallbacks
		def change(branch, wanted):
		    begin, wanted = time.monotonic(), built() + wanted
		    yield sender.send(branch, "1", "c", ["f"], who="a")
		    while built() < wanted:
		        yield task.deferLater(reactor, 0.005, lambda: None)
		        if time.monotonic() - begin > 600:
		            sys.exit("no end of it")
		    print(time.monotonic() - begin, flush=True)

		@defer.inlineCallbacks
		def all():
		    for i in range(20):
		        yield change("one", 1)
		    yield change("all", n)

		def end(failed=None):
		    if failed:
		        print(failed, file=sys.stderr)
		    reactor.stop()

		reactor.callWhenRunning(lambda: all().addCallbacks(end, end))
		reactor.run()
	X
}

# Two slots, as the farm before; its log says when the worker is there.
bench_buildbot() {
	local n=40 port=27819 dir=$tmp/buildbot

	type -P buildbot buildbot-worker >/dev/null || {
		row "Buildbot" "is not installed"
		return
	}
	mkdir -p "$dir"
	if ! buildbot create-master -q "$dir/master" >"$dir/log" 2>&1 ||
		! buildbot_conf "$n" "$port" >"$dir/master/master.cfg" ||
		! buildbot-worker create-worker -q "$dir/worker" "127.0.0.1:$port" w secret >>"$dir/log" 2>&1; then
		tail -n 3 "$dir/log"
		return 1
	fi
	buildbot start --nodaemon "$dir/master" >>"$dir/log" 2>&1 &
	pid[buildbot]=$!
	within 30 grep -q 'BuildMaster is running' "$dir/log" "$dir/master/twistd.log"
	buildbot-worker start --nodaemon "$dir/worker" >>"$dir/log" 2>&1 &
	pid[buildbot-worker]=$!
	if ! within 30 grep -qs 'Got workerinfo\|attached to' "$dir/log" "$dir/master/twistd.log" ||
		! buildbot_client "$n" "$port" "$dir/master/state.sqlite" >"$dir/took" 2>>"$dir/log"; then
		tail -n 3 "$dir/log"
	fi
	row "Buildbot, one no-op build (20)" "$(head -n 20 "$dir/took" | median | awk '{ printf "%.1f ms", $1 * 1000 }')"
	row "  no-op builds, 2 slots, $n at once" "$(tail -n 1 "$dir/took" | awk -v n="$n" '{ printf "%.1f/s", n / $1 }')"
	# asked to end they may wait for each other
	kill_daemon buildbot-worker
	kill_daemon buildbot
}
