# For a moment the supervisor acts for a caller. Whoever that is must not be able
# to signal it then: signal 0 is allowed or refused as SIGKILL is.
mkdir source target
touch source/file
printf 'name: mounting\nmounts: virtual\n' >mounting.yaml
cat >command.sh <<'SH'
mount --bind source target && [ -e target/file ] || { echo "no mount in the shim's own table"; exit 1; }
for process in /proc/[0-9]*; do
	case $(cat "$process/comm" 2>/dev/null) in shimrun-super*) supervisor=${process#/proc/} ;; esac
done
exec $nobody "$victim" aim "${supervisor:?is not seen}" "$PWD/target/file" 3
SH
# Without CAP_SYS_ADMIN the table takes the mount that the kernel refuses.
exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin -- $shim --profile ./mounting.yaml -- bash command.sh
