# The life of a sandbox. Sourced by ../run.
#
#	$state/NAME/config.json   the OCI bundle
#	            rootfs/ net   mount points, filled only in the holder's mounts
#	            runsc/        runsc's own state
#	            holder        process id of the holder
#	            gvisor        which gVisor it is: the program, and its flags
#	            log           what the holder and runsc complained of
#
# The *holder* is the one process that the sandbox hangs on: it unshares the
# mount namespace, mounts there what the sandbox needs, and becomes an attached
# `runsc run`. The kernel undoes everything when it dies, however it dies: the
# sandbox is killed with its parent, and mounts and network namespace go with
# the last process that uses them. Only the directory remains to be deleted.

state=${SHIMRUN_GVISOR_STATE:-/run/shimrun-gvisor}

# sandbox_runsc NAME ARG... executes runsc with the flags that all calls share.
# --net-raw, because Docker's capabilities have CAP_NET_RAW and gVisor takes it
# away otherwise.
sandbox_runsc() {
	local name=$1 program flags
	shift
	{ read -r program && read -r flags; } <"$state/$name/gvisor"
	# shellcheck disable=SC2086 # lists of words
	exec "$program" --root="$state/$name/runsc" $flags --network=host \
		--net-raw --ignore-cgroups ${RUNSC_FLAGS:-} "$@"
}

# The first process of a sandbox. It reaps what is orphaned, as bash waits for
# any child. The cgroup controllers are mounted as an init system does it, one by
# one; gVisor has no others, and takes all of them in one mount as well.
sandbox_init() {
	if [[ $1 ]]; then
		cat <<-'SH'
		set -e
		mount -t tmpfs -o mode=755 cgroup_root /sys/fs/cgroup
		for c in cpu cpuacct cpuset job memory pids; do
			mkdir /sys/fs/cgroup/$c
			mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c
		done
		SH
	fi
	echo 'echo ready; exec >&- 2>&-; while :; do sleep infinity; done'
}

# The other end of the default route does not exist: it is for those who take
# their own address from it, as a kubelet does.
sandbox_network='
	ip link add eth0 type bridge
	ip addr add 192.0.2.10/24 dev eth0
	ip link set eth0 up
	ip route add default via 192.0.2.1'

# sandbox_hold NAME becomes the holder. Its environment has been prepared by
# sandbox_start.
sandbox_hold() {
	local name=$1 dir=$state/$1
	# The tether holds from now on; had the caller died before, this would be
	# another's child.
	[[ -z $GVISOR_TETHER || $PPID == "$GVISOR_TETHER" ]] || exit 1
	# The changes live in memory, and so does their end.
	mount -t tmpfs shimrun "$dir/rootfs"
	mkdir "$dir/rootfs"/{upper,work,root}
	mount -t overlay shimrun "$dir/rootfs/root" \
		-o "lowerdir=$GVISOR_ROOTFS,upperdir=$dir/rootfs/upper,workdir=$dir/rootfs/work"
	# A network namespace that is a file of these mounts. gVisor reads the
	# interfaces once, when it starts.
	unshare --net="$dir/net" sh -ec "ip link set lo up; $GVISOR_NETWORK"
	sandbox_runsc "$name" run --bundle="$dir" "$name"
}

# sandbox_start NAME TETHER returns when the sandbox answers. With a TETHER of
# KILL the sandbox dies with this process, with one of "" it outlives it.
# Uses $runsc, $caps, $mounts, $rootfs, $network and $cgroups, the options of
# ../run.
sandbox_start() {
	local name=$1 tether=$2 dir=$state/$1 answer= out holder
	sandbox_sweep
	mkdir -p "$state"
	mkdir -m 0700 "$dir" || die "a sandbox $name is there already (or $dir is left of it)"
	mkdir "$dir"/{rootfs,runsc}
	touch "$dir/net"
	printf '%s\n' "$runsc" "$(runsc_flags "$runsc")" >"$dir/gvisor"
	config_print "$dir/rootfs/root" "$dir/net" "$(sandbox_init "$cgroups")" \
		"$caps" "${mounts[@]}" >"$dir/config.json" || { rm -rf -- "$dir"; exit 125; }

	exec {out}< <(
		echo "$BASHPID" >"$dir/holder"
		export GVISOR_ROOTFS=$rootfs GVISOR_NETWORK=${network:+$sandbox_network} GVISOR_TETHER=${tether:+$$}
		# In a session of its own: a terminal's ^C is for COMMAND alone.
		exec setsid setpriv ${tether:+--pdeathsig "$tether"} -- \
			unshare --mount -- "$here/run" --become-holder "$name" </dev/null 2>"$dir/log"
	)
	read -r -t "${SHIMRUN_GVISOR_TIMEOUT:-60}" -u "$out" answer
	exec {out}<&-
	[[ $answer == ready ]] && return
	cat "$dir/log" >&2
	sandbox_stop "$name"
	die "the sandbox did not start"
}

# sandbox_stop NAME ends a sandbox and removes its directory.
sandbox_stop() {
	local dir=$state/$1 holder= tries
	[[ -d $dir ]] || return 0
	read -r holder 2>/dev/null <"$dir/holder"
	[[ $holder ]] && kill -KILL "$holder" 2>/dev/null
	for tries in {1..200}; do
		sandbox_remains "$1" || break
		sleep 0.02
	done
	rm -rf -- "$dir"
}

# sandbox_remains NAME tells whether a process of the sandbox still exists.
sandbox_remains() { pgrep -f -- "--root=$state/$1/runsc( |\$)" >/dev/null; }

# sandbox_sweep removes what holders left that were killed with their caller.
sandbox_sweep() {
	local dir holder
	for dir in "$state"/*/; do
		dir=${dir%/}
		if read -r holder 2>/dev/null <"$dir/holder"; then
			[[ -e /proc/$holder ]] || rm -rf -- "$dir"
		else # being made, or its maker did not get far
			find "$dir" -maxdepth 0 -mmin +5 -exec rm -rf -- {} + 2>/dev/null
		fi
	done
}
