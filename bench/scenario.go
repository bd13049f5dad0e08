package bench

import "strconv"

// Telling is what a contender has to be able to tell for a scenario.
type Telling uint

const (
	// TellFile: the file that is served has the served text.
	TellFile Telling = 1 << iota
	// TellWrites: what is written to that file is taken, or refused, by write(2).
	TellWrites
	// TellFilesystem: the filesystem of the work folder has another type.
	TellFilesystem
)

// A Scenario is one thing that programs do.
type Scenario struct {
	Name, About string
	// Tells is what a contender must tell here, so that nobody is measured who
	// does less than the others.
	Tells Telling
	// Operation is the victim's, Threads how many do it at once (0 means 1), and
	// On its argument: see [place.name].
	Operation string
	Threads   int
	On        string
	// Command, for jobs, is run as a whole, Times times in a row for one sample.
	Command func(*place) []string
	Times   int
	// Prepare makes what the command works on; it runs once, before all rounds.
	Prepare func(*place) error
	// Needs are the programs that have to be in PATH.
	Needs []string
	// Heavy scenarios get fewer rounds.
	Heavy bool
	// Own scenarios are for contenders that are made for them alone.
	Own bool
	// Server, where set, is started, waited for until it is ready, and ended.
	Server bool
}

// Scenarios are all there are, in the order of reports.
func Scenarios() []Scenario {
	all := []Scenario{
		{Name: "getppid", About: "getppid(2): a call that nobody stops", Operation: "getppid"},
		{Name: "open", About: "openat and close of a file that is not served", Operation: "open", On: "file"},
		{Name: "open-relative", About: "the same by a relative name", Operation: "open", On: "relative"},
		{Name: "open-proc", About: "openat and close of a file of procfs that is not served", Operation: "open", On: "proc"},
		{Name: "enoent", About: "openat of a file that is not there", Operation: "enoent", On: "missing"},
		{Name: "stat", About: "newfstatat of a file that is not served", Operation: "stat", On: "file"},
		{Name: "statfs-lied", About: "statfs on a filesystem whose type is told", Tells: TellFilesystem, Operation: "statfs", On: "file"},
		{Name: "open-served", About: "openat and close of a served sysctl", Tells: TellFile, Operation: "open", On: "served"},
		{Name: "read-served", About: "openat, read and close of a served sysctl", Tells: TellFile, Operation: "read", On: "served"},
		{Name: "sparse-open", About: "one openat and close in 100 µs, between which the program computes", Operation: "sparse-open", On: "file"},
		{Name: "drowsy-open", About: "the same, and between them the program sleeps", Operation: "drowsy-open", On: "file"},
	}
	for _, threads := range []int{2, 4, 8} {
		n := strconv.Itoa(threads)
		all = append(all,
			Scenario{Name: "open-" + n + "threads", About: "open, by " + n + " threads at once", Operation: "open", On: "file", Threads: threads},
			Scenario{Name: "served-" + n + "threads", About: "open-served, by " + n + " threads at once", Tells: TellFile, Operation: "open", On: "served", Threads: threads})
	}
	all = append(all,
		Scenario{Name: "write-sysctl", About: "openat, write and close of a served sysctl", Tells: TellWrites, Operation: "write", On: "written"},
		Scenario{Name: "write-4threads", About: "write-sysctl, by 4 threads at once", Tells: TellWrites, Operation: "write", On: "written", Threads: 4},
		Scenario{Name: "exchange", About: "a request and its answer through a pair of sockets, two writes and two reads that nobody stops", Operation: "exchange"},
		Scenario{Name: "getppid-beside", About: "getppid, while another thread writes a served sysctl over and over and has it open nearly always", Tells: TellWrites, Operation: "beside-getppid", On: "written"},
		Scenario{Name: "exchange-beside", About: "exchange, the same", Tells: TellWrites, Operation: "beside-exchange", On: "written"},
		Scenario{Name: "exchange-8threads", About: "exchange, by 8 threads at once", Operation: "exchange", Threads: 8},
		Scenario{Name: "exchange-beside-8threads", About: "exchange-beside, by 8 threads at once", Tells: TellWrites, Operation: "beside-exchange", On: "written", Threads: 8})
	return append(all,
		Scenario{Name: "exec", About: "fork, execve of a small static program, wait", Operation: "exec"},
		Scenario{Name: "compute", About: "arithmetic, no system calls", Operation: "compute"},
		Scenario{Name: "start", About: "start of /bin/true, all in all", Command: alwaysTrue, Times: 3},
		Scenario{Name: "find", About: "find and stat 4,000 files", Command: findTree, Prepare: makeTree, Times: 1, Needs: []string{"find"}, Heavy: true},
		Scenario{Name: "git-status", About: "git status in a repository of 1,000 files", Command: gitStatus, Prepare: makeRepository, Times: 1, Needs: []string{"git"}, Heavy: true},
		Scenario{Name: "go-build", About: "go build, with a warm cache", Command: goBuild, Prepare: makeModule, Times: 1, Needs: []string{"go"}, Heavy: true},
		Scenario{Name: "kubeserver", About: "a control plane, until its API server is ready; KUBESERVER names the binary", Server: true, Heavy: true},
		Scenario{Name: "filters", About: "getppid under filters of several kinds that stop nothing", Operation: "getppid", Own: true},
	)
}
