// Command victim runs rows of the conformance table, each in this process or,
// where the row asks for it, in one of its own, and prints a line of JSON for
// each: {"start":NAME} before, {"case":NAME,"lines":[…]} after it.
//
//	victim -names NAMES.json CASE...
//	victim -lacks                        what the kernel cannot do, a JSON list
//
// A victim that dies or hangs in the middle has said in which row.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/shimrun/shimrun/test/conformance/cases"
)

// Credentials and namespaces are a thread's: a row must stay on one, and on the first,
// for it is that one's namespaces which /proc/self tells. When main begins, it is late.
func init() { runtime.LockOSThread() }

func main() {
	namesFile := flag.String("names", "", "file with the names of the symbols, as JSON")
	direct := flag.Bool("direct", false, "run the rows in this process whatever they need")
	lacks := flag.Bool("lacks", false, "tell what the kernel cannot do")
	flag.Parse()
	if *lacks {
		say(cases.Lacks())
		return
	}

	var names cases.Names
	data, err := os.ReadFile(*namesFile)
	if err == nil {
		err = json.Unmarshal(data, &names)
	}
	if err != nil {
		fatal(err)
	}
	syscall.Umask(0o022)
	for _, name := range flag.Args() {
		c, err := cases.Find(name)
		if err != nil {
			fatal(err)
		}
		if *direct {
			say(cases.Run(c, names))
			continue
		}
		say(map[string]string{"start": name})
		if c.Needs&(cases.Own|cases.Nobody) == 0 {
			say(cases.Run(c, names))
			continue
		}
		say(own(c, *namesFile))
	}
}

// own runs a row in a process of its own.
func own(c *cases.Case, namesFile string) any {
	cmd := exec.Command(os.Args[0], "-names", namesFile, "-direct", c.Name)
	cmd.Stderr = os.Stderr
	cmd.Dir = "/"
	if c.Needs&cases.Nobody != 0 && os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	timer := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
	out, err := cmd.Output()
	timer.Stop()
	if err != nil {
		return cases.Result{Case: c.Name, Lines: []string{"the process of its own: " + err.Error()}}
	}
	return json.RawMessage(out)
}

func say(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		fatal(err)
	}
	fmt.Printf("%s\n", line)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "victim:", err)
	os.Exit(2)
}
