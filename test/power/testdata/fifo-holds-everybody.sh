# Who opens a FIFO by a way through a served folder waits alone, and his wait ends
# with him.
mkfifo -m 666 fifo
printf 'name: folder\nfiles:\n  /etc/served.d/file: {content: "x\\n"}\n' >folder.yaml
cat >command.sh <<'SH'
for i in 1 2 3; do
	$nobody cat "/etc/served.d/../..$PWD/fifo" &
	echo $! >>readers
done
while sleep 0.1; do cat /etc/served.d/file >>answers; done
SH
touch readers answers
$shim --profile ./folder.yaml -- bash command.sh &

eventually() { for i in {1..60}; do "$@" && return; sleep 0.1; done; return 1; }
begun() { [ "$(wc -l <readers)" = 3 ]; }
eventually begun || { echo "the command did not start"; exit 1; }
sleep 1
for reader in $(cat readers); do
	kill -0 "$reader" || { echo "the open of a FIFO that nobody writes to does not wait"; exit 1; }
done
seen=$(wc -l <answers)
more() { [ "$(wc -l <answers)" -gt "$seen" ]; }
eventually more || { echo "while others wait for a FIFO, no program is answered"; exit 1; }
kill -KILL $(cat readers)
# An open for writing that does not wait fails where nobody reads.
deserted() { ! dd if=/dev/zero of=fifo bs=1 count=1 oflag=nonblock conv=nocreat 2>/dev/null; }
eventually deserted || { echo "those who read the FIFO are dead, and somebody reads it"; exit 1; }
