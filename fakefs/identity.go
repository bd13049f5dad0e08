package fakefs

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Uname is what uname(2) tells now: what the profile declares, and what was
// written to the sysctls since. An empty field tells the real one.
func (t *Tree) Uname() Uname {
	told := func(field string) string {
		v := t.uname[unameSysctls[field]]
		if v == nil || v.missing {
			return ""
		}
		v.mu.RLock()
		defer v.mu.RUnlock()
		if v.set {
			return v.value
		}
		return ""
	}
	return Uname{
		Sysname:    told("sysname"),
		Nodename:   told("nodename"),
		Release:    told("release"),
		Version:    told("version"),
		Machine:    told("machine"),
		Domainname: told("domainname"),
	}
}

// realUname is uname(2) of this machine.
func realUname() (Uname, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Uname{}, fmt.Errorf("uname: %w", err)
	}
	return Uname{
		Sysname:    unix.ByteSliceToString(u.Sysname[:]),
		Nodename:   unix.ByteSliceToString(u.Nodename[:]),
		Release:    unix.ByteSliceToString(u.Release[:]),
		Version:    unix.ByteSliceToString(u.Version[:]),
		Machine:    unix.ByteSliceToString(u.Machine[:]),
		Domainname: unix.ByteSliceToString(u.Domainname[:]),
	}, nil
}

// fromUname derives a sysctl that repeats a field of uname(2).
func fromUname(field func(Uname) string) func(*Tree, View) (string, error) {
	return func(*Tree, View) (string, error) {
		real, err := realUname()
		return field(real), err
	}
}

// hostNameQuirk is the one that gives processes host names of their own.
const hostNameQuirk = "uts-namespace"

// hostNameFiles are where these show besides uname(2).
var hostNameFiles = map[string]string{
	sysctlRoot + "/kernel/hostname":   "host_name",
	sysctlRoot + "/kernel/domainname": "domain_name",
}

// NamesHosts tells whether processes can have host names of their own by the shim: the
// profile says so, and the kernel gives them none.
func (t *Tree) NamesHosts() bool { return t.namesHosts }

func hostName(_ *generated, v View) ([]byte, error) {
	host, _ := namesOf(v)
	return []byte(host + "\n"), nil
}

func domainName(_ *generated, v View) ([]byte, error) {
	_, domain := namesOf(v)
	return []byte(domain + "\n"), nil
}

func namesOf(v View) (host, domain string) {
	if named, ok := v.(NamedView); ok {
		return named.HostName()
	}
	real, err := realUname()
	if err != nil {
		return "", ""
	}
	return real.Nodename, real.Domainname
}

// versionFile is /proc/version (fs/proc/version.c): "%s version %s (builder) %s\n",
// built from what uname(2) tells. Who built the kernel is kept from the real file.
func versionFile(g *generated, v View) ([]byte, error) {
	told, err := g.tree.fullUname()
	if err != nil {
		return nil, err
	}
	builder := "(root@localhost) (gcc)"
	if real, err := v.Real(); err == nil {
		if from, to := bytes.IndexByte(real, '('), bytes.LastIndex(real, []byte(") #")); from >= 0 && to > from {
			builder = string(real[from : to+1])
		}
	}
	return fmt.Appendf(nil, "%s version %s %s %s\n", told.Sysname, told.Release, builder, told.Version), nil
}

// fullUname is what uname(2) tells, the real fields filled in.
func (t *Tree) fullUname() (Uname, error) {
	u, err := realUname()
	if err != nil {
		return u, err
	}
	told := t.Uname()
	for _, f := range []struct{ to, from *string }{
		{&u.Sysname, &told.Sysname}, {&u.Nodename, &told.Nodename}, {&u.Release, &told.Release},
		{&u.Version, &told.Version}, {&u.Machine, &told.Machine}, {&u.Domainname, &told.Domainname},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	return u, nil
}

// randomUUID is a new UUID of version 4, as kernel.random.uuid gives at each read.
func randomUUID(*Tree, View) (string, error) {
	var raw [16]byte
	rand.Read(raw[:]) // never fails, says crypto/rand
	return formatUUID(raw), nil
}

// bootID is a UUID that is the same until the machine boots anew, for every
// shimrun on it: made from the boot time and the host's name.
func bootID(_ *Tree, v View) (string, error) {
	return formatUUID(seed("boot", v)), nil
}

// machineID is /etc/machine-id (machine-id(5)), where there is none.
func machineID(_ *generated, v View) ([]byte, error) {
	raw := seed("machine", v)
	return []byte(strings.ReplaceAll(formatUUID(raw), "-", "") + "\n"), nil
}

// productUUID is /sys/class/dmi/id/product_uuid, which the firmware would give.
func productUUID(_ *generated, v View) ([]byte, error) {
	return []byte(formatUUID(seed("product", v)) + "\n"), nil
}

// seed mixes a purpose with what tells this boot of this machine from others.
func seed(purpose string, v View) [16]byte {
	h := sha256.New()
	h.Write([]byte(purpose))
	if stat, err := v.ReadFile("/proc/stat"); err == nil {
		eachLine(stat, func(line []byte, _ bool) {
			if bytes.HasPrefix(line, []byte("btime ")) {
				h.Write(line)
			}
		})
	}
	if real, err := realUname(); err == nil {
		h.Write([]byte(real.Nodename))
	}
	return [16]byte(h.Sum(nil))
}

// formatUUID writes 16 bytes as a UUID of version 4 (RFC 9562).
func formatUUID(raw [16]byte) string {
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	s := hex.EncodeToString(raw[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
