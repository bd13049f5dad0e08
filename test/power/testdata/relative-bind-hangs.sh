# A bind mount of the shim's own table takes relative names.
mkdir first first-target second second-target
touch second/file
printf 'name: mounting\nmounts: virtual\n' >mounting.yaml
cat >command.sh <<'SH'
mount --bind "$PWD/first" "$PWD/first-target" || exit
mount --no-canonicalize --bind second second-target
ls second-target
SH
seen=$(timeout -s KILL 8 setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin -- \
	$shim --profile ./mounting.yaml -- bash command.sh 2>&1)
[ "$seen" = file ] || { echo "the target has \"$seen\", status $?"; exit 1; }
