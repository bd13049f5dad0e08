# Who may pass is more than permission bits: access control lists, hidepid, magic links of
# other users' processes; and some files ask who opened them.
command -v setfacl >/dev/null || python3 -c pass || { echo "no setfacl and no python3"; exit 2; }
export here=$PWD
mkdir listed closed closed/open
echo secret | tee listed/file >closed/open/file
chmod 700 closed
setfacl -m u:65534:- listed 2>/dev/null || python3 -c '
import os, struct
entry = lambda tag, bits, who=0xffffffff: struct.pack("<HHI", tag, bits, who)
acl = entry(1, 7) + entry(2, 0, 65534) + entry(4, 5) + entry(16, 5) + entry(32, 5)
os.setxattr("listed", "system.posix_acl_access", struct.pack("<I", 2) + acl)' || { echo "no access control lists"; exit 2; }
cat >tries.sh <<'SH'
say() {
	text=$(head -c 16 "$2" 2>&1)
	echo "$1: ${text##*: }"
}
say list "$1/../listed/file"
say link "$1/../../../../../../../../../proc/$target/cwd/file"
say symbols "$1/../../../../../../../../../proc/kallsyms"
say hidden "/proc/$target/mountinfo"
SH
(cd closed/open && exec sleep 60) &
export target=$!
mkdir real
mount -t proc -o hidepid=2 proc /proc
without=$($nobody bash tries.sh "$here/real")
with=$($shim --profile kubernetes --file "$here/served/file=text" -- $nobody bash tries.sh "$here/served")
kill $target
[ "$with" = "$without" ] || { echo "with: $with"; echo "without: $without"; exit 1; }
