# Groups that two programs make, look at and remove at the same time are those that
# they are called.
mount -t tmpfs none /sys/fs/cgroup
cat >groups.yaml <<'YAML'
name: groups
cgroups: {controllers: [memory, freezer, cpu, pids], when: always}
filesystems: [{match: {type: tmpfs}, report: {type: ext4}}]
YAML
exec $shim --profile ./groups.yaml -- bash -c '
	for controller in memory freezer cpu pids; do mkdir /sys/fs/cgroup/$controller/kept; done
	"$victim" groups one 3 & "$victim" groups two 3
	status=$?; wait $! && exit $status'
