# The root file system of the sandboxes: made once, cached, never changed.
# Sourced by ../run and ../install.

rootfs_packages=(
	bash busybox-static coreutils findutils libc-bin mount procps psmisc
	python3-minimal redis-server redis-tools strace util-linux
	${SHIMRUN_ROOTFS_PACKAGES-} # for those who need more: a root file system of its own
)

# What was made or fetched once.
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/shimrun

# What nobody reads inside a sandbox.
rootfs_excludes=(/usr/share/{doc,info,locale,man,i18n}/'*' /var/cache/apt/'*')

# rootfs_sources prints the machine's own apt source, so that no script has to
# name a mirror. Only the distribution's: third parties' packages are not used.
rootfs_sources() {
	local file
	for file in /etc/apt/sources.list.d/{debian,ubuntu}.sources /etc/apt/sources.list; do
		[[ -s $file ]] && echo "$file" && return
	done
	echo "gvisor: no apt source of the distribution found in /etc/apt" >&2
	return 1
}

rootfs_suite() { (. /etc/os-release && echo "$VERSION_CODENAME"); }

# rootfs_path prints where the root file system is, or would be. Its name
# changes with what is in it.
rootfs_path() {
	local hash
	hash=$(printf '%s\n' "$(rootfs_suite)" "$(dpkg --print-architecture)" \
		"${rootfs_packages[@]}" "${rootfs_excludes[@]}" | sha256sum)
	echo "$cache/rootfs-${hash:0:16}"
}

# rootfs_ensure makes the root file system unless it is there, and prints its
# path. Many may call it at once: one builds, the others wait.
rootfs_ensure() {
	local path
	path=$(rootfs_path)
	[[ -d $path ]] || rootfs_build "$path" >&2 || return
	echo "$path"
}

rootfs_build() (
	path=$1
	mkdir -p "${path%/*}"
	exec {lock}>"$path.lock"
	flock "$lock"
	[[ -d $path ]] && exit # someone else built it while this one waited

	tmp=$(mktemp -d "$path.XXXXXX")
	trap 'rm -rf -- "$tmp"' EXIT
	trap 'exit 1' INT TERM HUP
	chmod 0755 "$tmp"
	source=$(rootfs_sources) || exit
	echo "gvisor: building $path (once)"
	if ! mmdebstrap --variant=minbase \
		--include="$(IFS=,; echo "${rootfs_packages[*]}")" \
		"${rootfs_excludes[@]/#/--dpkgopt=path-exclude=}" \
		"$(rootfs_suite)" "$tmp" "$source" >"$path.log" 2>&1 {lock}>&-; then
		echo "gvisor: mmdebstrap failed:"
		tail -n 20 "$path.log"
		exit 1
	fi
	rm -f "$path.log"
	mv -T "$tmp" "$path"
)
