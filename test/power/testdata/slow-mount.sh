# A filesystem whose server does not answer, mounted from outside after the shim has
# begun, holds up who looks at it, and nobody else.
command -v bindfs >/dev/null && [ -e /dev/fuse ] || { echo "no bindfs or no /dev/fuse"; exit 2; }
mkdir real seen
touch real/file
cat >command.sh <<'SH'
touch begun
until [ -e stopped ]; do sleep 0.05; done
stat seen/file >/dev/null 2>&1 &
sleep 0.5
cat /proc/sys/kernel/panic /proc/self/mountinfo >/dev/null && touch answered
SH
$shim --profile none --set kernel.panic=77 -- bash command.sh &
until [ -e begun ]; do sleep 0.05; done
bindfs -f real seen &
server=$!
for i in {1..50}; do sleep 0.1; grep -q " $PWD/seen fuse" /proc/self/mountinfo && break; done
ls seen >/dev/null || { echo "no FUSE mount can be made"; exit 2; }
kill -STOP $server
touch stopped
for i in {1..50}; do sleep 0.1; [ -e answered ] && break; done
kill -CONT $server
umount -l seen
kill $server
[ -e answered ] || { echo "nobody was answered while one waited for the filesystem"; exit 1; }
wait
