package programs

// programs is the table. Without shimrun each row fails in the way of old
// gVisor, so that what comes with shimrun is shimrun's doing.
var programs = []program{
	{
		name:    "ls",
		script:  `ls -lR /proc/sys >/tmp/ls.out 2>/tmp/ls.err; s=$?; cat /tmp/ls.err; grep -c '^-r' /tmp/ls.out; grep -E ' (panic|somaxconn|swappiness)$' /tmp/ls.out; exit $s`,
		without: fails("Invalid argument"),
		with:    all(works(), hasNot("ls:"), matches(`^-rw-r--r--.* panic$`, `^-rw-r--r--.* somaxconn$`, `^-rw-r--r--.* swappiness$`)),
	},
	{
		name:    "stat",
		script:  `stat -c '%F %a %U' /proc/sys/kernel/panic /etc/passwd /proc/sys`,
		without: fails("Invalid argument"),
		with:    works("regular file 644 root\n", "directory 555 root\n"),
	},
	{
		name:    "stat-f",
		script:  `stat -f -c %T /; stat -f -c %T /var/lib/second; stat -f -c %T /proc/sys/kernel/ostype; stat -f -c %T /proc`,
		without: all(hasNot("ext"), has("v9fs")),
		with:    works("ext2/ext3\next2/ext3\nproc\nproc\n"),
	},
	{
		name:    "df",
		script:  `df -T / /var/lib/second | tail -n +2`,
		without: hasNot("ext4"),
		with:    all(works(), matches(`^/dev/shim\d+ +ext4 .* /$`, `^/dev/shim\d+ +ext4 .* /var/lib/second$`)),
	},
	{
		name: "findmnt",
		script: `findmnt -n -o SOURCE,FSTYPE --mountpoint /; findmnt -n -o FSTYPE --target /var/lib/second
			test "$(findmnt -n -o SOURCE --mountpoint /)" != "$(findmnt -n -o SOURCE --mountpoint /var/lib/second)" && echo two devices`,
		without: hasNot("ext4"),
		with:    all(works("two devices"), matches(`^/dev/shim\d+ +ext4$`, `^ext4$`)),
	},
	{
		name:    "mount",
		script:  `mount | grep -E ' on (/|/var/lib/second) type '`,
		without: hasNot("ext4"),
		with:    all(works(), matches(`^/dev/shim\d+ on / type ext4 `, `^/dev/shim\d+ on /var/lib/second type ext4 `)),
	},
	{
		name:    "lsblk",
		script:  `lsblk -n -o NAME,TYPE,MOUNTPOINTS`,
		without: fails("lsblk"),
		with:    all(works(), matches(`shim\d+ +disk +/$`, `shim\d+ +disk .*/var/lib/second$`)),
	},
	{
		name:    "sysctl-all",
		script:  `sysctl -a`,
		without: hasNot("vm.swappiness", "kernel.panic ="),
		with:    all(works("kernel.panic = ", "vm.swappiness = ", "fs.nr_open = ", "net.core.somaxconn = ", "kernel.keys.root_maxkeys = "), hasNot("denied", "sysctl:")),
	},
	{
		name:    "sysctl-write",
		script:  `sysctl -w vm.overcommit_memory=1 && cat /proc/sys/vm/overcommit_memory && sysctl -w vm.overcommit_memory=2 && (sysctl -n vm.overcommit_memory | sed 's/^/again /') && sysctl -w vm.overcommit_memory=7`,
		without: all(has("Invalid argument"), hasNot("again 2")),
		with:    all(fails("vm.overcommit_memory = 1\n1\n", "vm.overcommit_memory = 2\nagain 2\n", "Invalid argument"), hasNot("= 7")),
	},
	{
		name:    "find-cat",
		script:  `find /proc/sys -type f -readable -exec cat {} + >/tmp/cat.out 2>/tmp/cat.err; s=$?; cat /tmp/cat.err; wc -l </tmp/cat.out; exit $s`,
		without: matches(`^\d{1,2}$`),
		with:    all(works(), hasNot("cat:", "find:"), matches(`^\d{3,}$`)),
	},
	{
		name: "redis",
		script: `cd /tmp; redis-server --port 7000 --save '' --appendonly no --logfile /tmp/redis.log --daemonize yes >/dev/null
			for i in $(seq 100); do redis-cli -p 7000 ping >/dev/null 2>&1 && break; sleep 0.1; done
			for i in $(seq 1000); do echo "SET key:$i value:$i"; done | redis-cli -p 7000 | grep -c OK
			for i in $(seq 1000); do echo "GET key:$i"; done | redis-cli -p 7000 | grep -c '^value:'
			redis-cli -p 7000 shutdown nosave; for i in $(seq 100); do [ -e /proc/$(pgrep redis-server)/exe ] || break; sleep 0.1; done
			cat /tmp/redis.log; rm -f /tmp/redis.log`,
		without: has("overcommit"),
		with:    all(matches(`^1000\n1000$`), hasNot("WARNING", "overcommit_memory is set", "somaxconn", "backlog setting")),
	},
	{
		name: "python",
		script: `python3 -c '
import os
print(open("/proc/sys/kernel/panic").read().strip().lstrip("-").isdigit())
print(sorted(os.listdir("/proc/sys/kernel/keys"))[-1])
print(os.statvfs("/").f_blocks > 0, os.stat("/proc/sys/vm/swappiness").st_mode & 0o777 == 0o644)
with open("/proc/sys/vm/overcommit_memory", "w") as f: f.write("1\n")
print(open("/proc/sys/vm/overcommit_memory").read())
try:
    with open("/proc/sys/vm/overcommit_memory", "w") as f: f.write("9\n")
    print("taken")
except OSError as e: print("refused", e.errno)
'`,
		without: fails("No such file"),
		with:    works("True\nroot_maxkeys\nTrue True\n1\n\nrefused 22\n"),
	},
	{
		name: "bash-pipes",
		script: `echo 1 > /proc/sys/vm/overcommit_memory; a=$(cat /proc/sys/kernel/panic | tr -d -- '-\n' | tr '0-9' 'n'); echo "panic ${a:0:1}"
			cat /proc/sys/vm/swappiness /nonexistent 2>/dev/null | grep -c '^[0-9]'; echo "${PIPESTATUS[@]}"
			while read -r x; do echo "read $((x > 0))"; done < /proc/sys/vm/swappiness
			diff <(cat /proc/sys/kernel/panic_on_oops) /proc/sys/kernel/panic_on_oops && echo same`,
		without: has("No such file"),
		with:    works("panic n\n1\n1 0\nread 1\nsame\n"),
	},
	{
		// Old gVisor's terminals make no signals of ^Z and ^C: those are typed
		// in the conformance suite, on a native terminal.
		name: "bash-jobs",
		script: `set -m; while :; do read x < /proc/sys/vm/swappiness || exit 9; done & sleep 0.5
			kill -STOP %1; sleep 0.5; jobs; kill -CONT %1; sleep 0.5; jobs; kill %1; wait %1; echo "status $?"`,
		without: hasNot("Stopped"),
		with:    matches(`Stopped`, `Running`, `status 143$`),
	},
	{
		name:    "busybox",
		script:  `busybox cat /proc/sys/kernel/panic_on_oops /proc/sys/vm/swappiness && busybox ls -l /proc/sys/kernel/panic && busybox stat -c %a /proc/sys/kernel/panic && busybox mount | busybox grep -c ' on / type ext4' && busybox sysctl -n vm.swappiness`,
		without: fails("No such file"),
		with:    all(works(), matches(`^[01]\n\d+\n-rw-r--r--.* /proc/sys/kernel/panic\n644\n1\n\d+$`)),
	},
	{
		name:    "goroutines",
		script:  `storm /proc/sys/kernel/panic /proc/sys/vm/swappiness /proc/sys/kernel/keys/root_maxkeys /etc/passwd`,
		without: has("1000 good, 3000 bad"),
		with:    works("4000 good, 0 bad\n"),
	},
	{
		name:    "kmsg",
		script:  `exec 5</dev/kmsg && echo "<6>hello from a program" >/dev/kmsg && timeout 2 cat <&5; echo "cat ended with $?"`,
		without: has("/dev/kmsg: No such file"),
		with:    has(";hello from a program\n", "cat ended with 124"),
	},
	{
		name: "mount-tmpfs", caps: "docker", flags: []string{"--profile", "kubernetes"},
		script: `mkdir -p /var/t; mount -t tmpfs -o size=64k,mode=700 token /var/t || exit 1; echo secret >/var/t/token
			findmnt -n -o SOURCE,FSTYPE,SIZE /var/t; mountpoint /var/t; stat -f -c %T /var/t/token; df --output=size,used,source /var/t | tail -n 1; busybox df /var/t | tail -n 1
			busybox mount | grep ' on /var/t '; test $(stat -c %d /var/t) != $(stat -c %d /var) && echo apart; rmdir /var/t; mv /var/t/token /tmp/token && cat /tmp/token
			(exec 5</var/t; umount /var/t); umount /var/t && ls -A /var/t && umount /var/t`,
		without: fails("mount point is not a directory"),
		with: all(has("/var/t is a mountpoint\n", "tmpfs\n", "apart\n", "Device or resource busy", "secret\n", "target is busy", "not mounted"),
			matches(`^token +tmpfs +64K$`, `^ +64 +4 token$`, `^token +64 +4 +60 +6% /var/t$`, `^token on /var/t type tmpfs \(rw,relatime,size=64k,mode=700\)$`)),
	},
	{
		name: "mount-bind", caps: "docker", flags: []string{"--profile", "kubernetes"},
		script: `mkdir -p /var/src/sub /var/dst; echo one >/var/src/file; mount --bind /var/src /var/dst || exit 1; cat /var/dst/file; echo two >/var/dst/sub/new; cat /var/src/sub/new
			cd /var/dst/sub && pwd -P && cd ../.. && ls -d dst src; findmnt -n -o SOURCE,FSTYPE /var/dst; mount -o remount,ro,bind /var/dst && touch /var/dst/x; findmnt -n -o OPTIONS /var/dst
			busybox umount /var/dst; ls -A /var/dst | wc -l; touch /var/f; mount --bind /etc/hostname /var/f && cmp /var/f /etc/hostname && echo same; umount /var/f; wc -c </var/f
			mount --bind /var/src /var/src && mount --make-rshared /var/src; findmnt -n -o PROPAGATION /var/src; umount /var/src`,
		without: fails("mount point is not a directory"),
		with: all(works("one\ntwo\n/var/dst/sub\ndst\nsrc\n", "Read-only file system", "ro,relatime", "0\nsame\n0\nshared\n"),
			matches(`^/dev/shim\d+\[/var/src\] +ext4$`)),
	},
	{
		name:    "strace-is-refused-clearly",
		script:  `strace -e trace=openat true`,
		without: works("exited with 0"),
		with:    fails("PTRACE"),
	},
}
