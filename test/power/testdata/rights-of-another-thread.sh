# A thread that executes a set-user-ID program takes the number of its process's first one.
# What that one asked for is not done with the program's rights.
printf 'name: group\ncgroups: {when: always, controllers: [memory]}\n' >group.yaml
cp "$(command -v true)" program
chmod 4755 program
cat >command.sh <<'SH'
group=/sys/fs/cgroup/memory
for _ in $(seq 350); do group=$group/../memory; done # long to look up
for try in $(seq 80); do
	timeout -s KILL 5 $nobody "$victim" outrun $group/made ./program $((try * 37 % 3000)) >/dev/null 2>&1
	[ ! -e /sys/fs/cgroup/memory/made ] || { echo "try $try: nobody made a group of root's"; exit 1; }
done
SH
exec $shim --profile ./group.yaml -- bash command.sh
