package ground

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what the machine says of itself, and who we are on it.
type Machine struct {
	// Kernel is what uname(2) says; a claim, not a proof.
	Kernel Kernel `json:"kernel"`
	Root   Root   `json:"root"`
	// UID is the effective user.
	UID int `json:"uid"`
	// Capabilities are the effective ones, by number.
	Capabilities []string `json:"capabilities"`
	// NoNewPrivs tells whether setuid programs are without effect already.
	NoNewPrivs bool `json:"no_new_privs"`
	// Seccomp is the mode of this process: disabled, strict or filter.
	Seccomp string `json:"seccomp"`
}

// Kernel is struct utsname, as far as it matters.
type Kernel struct {
	Sysname string `json:"sysname"`
	Release string `json:"release"`
	Version string `json:"version"`
	Machine string `json:"machine"`
}

// Root is the mount on /, as mountinfo has it.
type Root struct {
	Type   string `json:"type"`
	Source string `json:"source"`
}

// Look asks the machine.
func Look() Machine {
	status := readStatus()
	return Machine{
		Kernel:       uname(),
		Root:         root(),
		UID:          os.Geteuid(),
		Capabilities: capabilities(status["CapEff"]),
		NoNewPrivs:   status["NoNewPrivs"] == "1",
		Seccomp:      seccompMode(status["Seccomp"]),
	}
}

func uname() Kernel {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return Kernel{}
	}
	return Kernel{
		Sysname: unix.ByteSliceToString(u.Sysname[:]),
		Release: unix.ByteSliceToString(u.Release[:]),
		Version: unix.ByteSliceToString(u.Version[:]),
		Machine: unix.ByteSliceToString(u.Machine[:]),
	}
}

func root() Root {
	info, _ := os.ReadFile("/proc/self/mountinfo")
	return parseRoot(string(info))
}

// parseRoot finds the mount on /: the last one, which covers those before it.
// Old gVisor writes two spaces where there are no optional fields.
func parseRoot(info string) (root Root) {
	for line := range strings.Lines(info) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash < 5 || len(fields) < dash+3 || fields[4] != "/" {
			continue
		}
		root = Root{Type: fields[dash+1], Source: fields[dash+2]}
	}
	return root
}

// readStatus is /proc/self/status by field.
func readStatus() map[string]string {
	text, _ := os.ReadFile("/proc/self/status")
	status := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			status[name] = strings.TrimSpace(value)
		}
	}
	return status
}

func seccompMode(field string) string {
	switch field {
	case "1":
		return "strict"
	case "2":
		return "filter"
	}
	return "disabled"
}
