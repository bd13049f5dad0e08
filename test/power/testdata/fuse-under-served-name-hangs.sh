# A FUSE filesystem whose server is under the shim is mounted over a folder in
# which a file is served, and all go on.
command -v bindfs >/dev/null && [ -e /dev/fuse ] || { echo "no bindfs or no /dev/fuse"; exit 2; }
mkdir real seen
echo real >real/file
cat >command.sh <<'SH'
bindfs -f -o nonempty real seen &
for i in {1..50}; do sleep 0.1; grep -q " $PWD/seen " /proc/self/mountinfo && break; done
cat seen/file && ls -d /usr && echo "all answered"
umount seen
SH
timeout -s KILL 10 bash command.sh 2>&1 | grep -q "all answered" || { echo "not even without the shim"; exit 2; }
seen=$(timeout -s KILL 10 $shim --profile none --file "$PWD/seen/extra=served" -- bash command.sh 2>&1)
case $seen in *"all answered"*) ;; *) echo "status $?, seen: $seen"; exit 1 ;; esac
