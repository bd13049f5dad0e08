# A folder in which a file is served says the same when it is bound elsewhere: what
# is listed is opened, by whatever name.
mkdir folder elsewhere
touch folder/real
cat >command.sh <<'SH'
mount --bind "$PWD/folder" "$PWD/elsewhere"
ls elsewhere | grep '^served$'
cat "$PWD/elsewhere/served"
cd elsewhere && cat served
SH
for way in kernel virtual; do
	printf 'name: folder\nmounts: %s\nfiles:\n  %s/served: {content: "opened\\n"}\n' $way "$PWD/folder" >$way.yaml
	without=()
	[ $way = kernel ] || without=(setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin --)
	seen=$("${without[@]}" $shim --profile ./$way.yaml -- bash command.sh 2>&1)
	[ "$seen" = $'served\nopened\nopened' ] || { echo "mounts of the $way: listing, absolute and relative name give: $seen"; exit 1; }
	umount elsewhere 2>/dev/null || true
done
