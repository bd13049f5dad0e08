# The OCI configuration of a sandbox. Sourced by ../run.

# What Docker gives a container when nobody says otherwise.
caps_docker=(
	CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW
	CAP_SETGID CAP_SETUID CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE
	CAP_SYS_CHROOT CAP_KILL CAP_AUDIT_WRITE
)

# All that the gVisor of 2022 knows; it refuses a configuration with others.
caps_all=(
	"${caps_docker[@]}" CAP_AUDIT_CONTROL CAP_AUDIT_READ CAP_BLOCK_SUSPEND
	CAP_DAC_READ_SEARCH CAP_IPC_LOCK CAP_IPC_OWNER CAP_LEASE
	CAP_LINUX_IMMUTABLE CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_NET_ADMIN
	CAP_NET_BROADCAST CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYSLOG CAP_SYS_MODULE
	CAP_SYS_NICE CAP_SYS_PACCT CAP_SYS_PTRACE CAP_SYS_RAWIO CAP_SYS_RESOURCE
	CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_WAKE_ALARM
)

# json_string prints its argument as a JSON string.
json_string() {
	local s=$1 code char octal
	s=${s//\\/\\\\}
	s=${s//\"/\\\"}
	if [[ $s == *[[:cntrl:]]* ]]; then
		for code in {1..31}; do
			printf -v octal '\\%03o' "$code"
			printf -v char "$octal"
			printf -v code '\\u%04x' "$code"
			s=${s//"$char"/"$code"}
		done
	fi
	printf '"%s"' "$s"
}

# json_list prints its arguments as a JSON list of strings.
json_list() {
	local separator= argument
	printf '['
	for argument; do
		printf %s "$separator"
		json_string "$argument"
		separator=,
	done
	printf ']'
}

# config_bind prints the mount DIR[:DEST]: a 9p mount of its own inside.
config_bind() {
	local source=${1%%:*} dest=${1#*:}
	source=$(realpath -e -- "$source") || return
	[[ $1 == *:* ]] || dest=$source
	printf ',\n    {"destination": %s, "type": "bind", "source": %s, "options": ["rbind", "rw"]}' \
		"$(json_string "$dest")" "$(json_string "$source")"
}

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
env_default=("PATH=$path" HOME=/root LANG=C.UTF-8 "TERM=${TERM:-dumb}")

# process_print CONFIG ARG... prints a process.json for `runsc exec`. Uses $tty,
# $user, $workdir and $envs, the options of ../run. As in Docker, another user
# than root starts without capabilities, but can gain them.
process_print() {
	local caps= bounding
	local uid=${user%%:*} gid=${user#*:} variable
	local -A env=()
	for variable in "${env_default[@]}" "${envs[@]}"; do
		env[${variable%%=*}]=$variable
	done
	if ((uid)); then
		bounding=$(sed -n 's/.*"bounding": \(.*\),$/\1/p' "$1")
		caps="\"capabilities\": {\"bounding\": $bounding},"
	fi
	shift
	cat <<-JSON
	{
	  "terminal": ${tty:-false}, $caps
	  "user": {"uid": ${uid:-0}, "gid": ${gid:-0}},
	  "args": $(json_list "$@"),
	  "env": $(json_list "${env[@]}"),
	  "cwd": $(json_string "${workdir:-/}")
	}
	JSON
}

# config_print ROOTFS NETNS INIT-SCRIPT CAPS [MOUNT...] prints a config.json.
config_print() {
	local rootfs=$1 netns=$2 init=$3 caps mount binds=
	case $4 in
	all) caps=$(json_list "${caps_all[@]}") ;;
	docker) caps=$(json_list "${caps_docker[@]}") ;;
	*) echo "gvisor: --caps is all or docker, not $4" >&2 && return 1 ;;
	esac
	shift 4
	for mount; do binds+=$(config_bind "$mount") || return; done
	cat <<-JSON
	{
	  "ociVersion": "1.0.2",
	  "hostname": "gvisor",
	  "process": {
	    "user": {"uid": 0, "gid": 0},
	    "args": $(json_list /bin/bash -c "$init"),
	    "env": $(json_list "${env_default[@]}"),
	    "cwd": "/",
	    "capabilities": {
	      "bounding": $caps,
	      "effective": $caps,
	      "inheritable": [],
	      "permitted": $caps
	    },
	    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 65536, "soft": 65536}]
	  },
	  "root": {"path": $(json_string "$rootfs"), "readonly": false},
	  "mounts": [
	    {"destination": "/proc", "type": "proc", "source": "proc"},
	    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
	    {"destination": "/sys", "type": "sysfs", "source": "sysfs",
	     "options": ["nosuid", "noexec", "nodev", "ro"]},
	    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}$binds
	  ],
	  "linux": {
	    "namespaces": [
	      {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
	      {"type": "network", "path": $(json_string "$netns")}
	    ]
	  }
	}
	JSON
}
