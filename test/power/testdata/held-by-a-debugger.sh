# What lies beyond a served folder is handed over when it may be used, also where a
# debugger keeps the supervisor from turning a descriptor into another one.
mkdir -m 700 closed
echo secret >closed/file
echo secret >secret
chmod 600 secret
export here=$PWD
case $shim in *ptrace) exit 0 ;; esac # a thread has one tracer
out=$($shim --profile none --file "$here/served/file=text" -- bash -c '
	$nobody "$victim" held open "$here/served/../secret"
	$nobody "$victim" held enter "$here/served/../closed"' 2>/dev/null)
[ -z "$out" ] || { echo "$out"; exit 1; }
