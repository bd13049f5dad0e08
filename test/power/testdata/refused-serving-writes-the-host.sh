# A write to a served sysctl that cannot be served fails. It never reaches the
# kernel's own. There are fewer descriptors here than files that are served.
hostname original
sets=()
for i in {1..60}; do sets+=(--set "kernel.of-the-shim-$i=1"); done
ulimit -n 40
$shim --profile none "${sets[@]}" --set kernel.hostname=told -- bash -c '
	read -r value </proc/sys/kernel/hostname
	[ "$value" = told ] || { echo "the name is not served"; exit; }
	for i in {1..60}; do read -r value </proc/sys/kernel/of-the-shim-$i; done
	echo written >/proc/sys/kernel/hostname' 2>/dev/null
[ "$(hostname)" = original ] || { echo "the real name is $(hostname)"; exit 1; }
