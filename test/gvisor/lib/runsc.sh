# The gVisors that sandboxes can be made with. Sourced by ../run and ../install,
# after rootfs.sh.

# The release of Debian whose package runsc each one is. The machine's own is
# installed as usual, the other one unpacked into a folder of the cache.
declare -A runsc_suites=([debian12]=bookworm [debian13]=trixie)

# runsc_names prints the names that ../run --runsc takes.
runsc_names() { printf '%s\n' "${!runsc_suites[@]}" | sort; }

# runsc_path NAME prints the program of a gVisor, whether it is there or not.
# Without a name that is $RUNSC, or Debian 12's.
runsc_path() {
	local name=${1-} suite
	[[ $name || -z ${RUNSC-} ]] || { echo "$RUNSC" && return; }
	name=${name:-debian12}
	suite=${runsc_suites[$name]-}
	if [[ -z $suite ]]; then
		echo "gvisor: --runsc is one of $(runsc_names | xargs), not $name; \$RUNSC takes another program" >&2
		return 1
	fi
	if [[ $suite == "$(rootfs_suite)" ]]; then
		echo runsc
	else
		echo "$cache/runsc-$name/runsc"
	fi
}

# runsc_flags PROGRAM prints, in one line, the flags for what this gVisor can
# do: the quicker platform where there is one, and no overlay of its own over the
# 9p root, which newer ones have unless told otherwise.
runsc_flags() {
	local known flags=--platform=ptrace
	known=$("$1" flags 2>&1)
	[[ $known != *systrap* ]] || flags=--platform=systrap
	[[ $known != *-overlay2* ]] || flags+=" --overlay2=none"
	echo "$flags"
}

# runsc_ensure NAME has the program of a gVisor there, and prints its path. That
# of the machine's own release is left to ../install.
runsc_ensure() {
	local path
	path=$(runsc_path "${1-}") || return
	[[ $path != "$cache"/* || -x $path ]] || runsc_fetch "${runsc_suites[$1]}" "${path%/*}" >&2 || return
	echo "$path"
}

# runsc_fetch SUITE DIR unpacks the package of that release of Debian into DIR.
# It comes from the machine's own mirror and is checked with Debian's keys. Lists
# and packages of the machine stay what they are: apt gets folders of its own.
runsc_fetch() (
	suite=$1 dir=$2
	mkdir -p "$cache"
	exec {lock}>"$dir.lock"
	flock "$lock"
	[[ -d $dir ]] && exit # someone else fetched it while this one waited

	tmp=$(mktemp -d "$dir.XXXXXX") && apt=$(mktemp -d) || exit
	trap 'rm -rf -- "$tmp" "$apt"' EXIT
	trap 'exit 1' INT TERM HUP
	chmod 0755 "$apt" "$tmp"
	mkdir -p "$apt"/{lists,archives}/partial "$apt/package"
	# apt downloads as a user of its own where it can.
	((EUID != 0)) || chown _apt: "$apt/package" 2>/dev/null
	source=$(rootfs_sources) || exit
	cat >"$apt/apt.conf" <<-CONF
	Dir::Etc::SourceList "$source";
	Dir::Etc::SourceParts "/dev/null";
	Dir::Etc::Preferences "/dev/null";
	Dir::Etc::PreferencesParts "/dev/null";
	Dir::State::Lists "$apt/lists";
	Dir::State::Status "/dev/null";
	Dir::Cache "$apt";
	Acquire::Languages "none";
	Acquire::Retries "3";
	#clear APT::Update::Post-Invoke;
	#clear APT::Update::Post-Invoke-Success;
	CONF
	# What an update would fetch names the mirror, however the source is written.
	mirror=$(apt-get -c "$apt/apt.conf" update --print-uris |
		sed -n "s|^'\(.*\)/dists/$(rootfs_suite)/InRelease'.*|\1|p" | head -n 1)
	[[ $mirror ]] || { echo "gvisor: $source names no mirror of $(rootfs_suite)" && exit 1; }
	cat >"$apt/other.sources" <<-SOURCES
	Types: deb
	URIs: $mirror
	Suites: $suite
	Components: main
	Targets: Packages
	Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	SOURCES
	echo "Dir::Etc::SourceList \"$apt/other.sources\";" >>"$apt/apt.conf"

	echo "gvisor: fetching runsc of Debian's $suite into $dir (once)"
	cd "$apt/package" || exit
	if ! { apt-get -c "$apt/apt.conf" update --error-on=any &&
		apt-get -c "$apt/apt.conf" download runsc; } >"$dir.log" 2>&1 {lock}>&-; then
		echo "gvisor: apt-get failed:"
		tail -n 20 "$dir.log"
		exit 1
	fi
	rm -f "$dir.log"
	dpkg-deb --fsys-tarfile ./runsc_*.deb | tar -xO ./usr/bin/runsc >"$tmp/runsc" || exit
	chmod 0755 "$tmp/runsc"
	mv -T "$tmp" "$dir"
)
