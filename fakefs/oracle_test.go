package fakefs

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// needOracle skips where the real kernel cannot be asked: unprivileged, or in a
// sandbox that is no Linux. In CI that is a failure, so that the comparison
// does not vanish unnoticed.
func needOracle(t *testing.T) {
	t.Helper()
	why := ""
	if os.Geteuid() != 0 {
		why = "only root can write sysctls"
	} else if f, err := os.OpenFile("/proc/sys/vm/swappiness", os.O_WRONLY, 0); err != nil {
		why = err.Error()
	} else {
		f.Close()
	}
	if why == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no oracle: " + why)
	}
	t.Skip("no oracle: " + why)
}

// ownNamespaces moves the test's thread into namespaces of its own, so that
// nothing it writes is seen elsewhere. The thread ends with the test.
func ownNamespaces(t *testing.T) {
	t.Helper()
	needOracle(t)
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no namespaces of one's own: %v", err)
	}
}

// writeReal makes one write(2) at an offset, by a descriptor opened for it.
func writeReal(path, data string, offset int64) (int, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if offset == 0 {
		return unix.Write(fd, []byte(data))
	}
	return unix.Pwrite(fd, []byte(data), offset)
}

// writeInputs are what is written to every sysctl: everything that the
// kernel's parsers treat specially.
var writeInputs = []string{
	"", "\n", " ", "\t\n", "0", "1", "2", "1\n", " 1", "\t1 \n", "1 ", "+1", "-1", "-0", "--1", "- 1",
	"10", "010", "0x10", "0X1f", "0x", "08", "0b1", "1e3", "1.5", "1,", "1a", "a", "1 a", "1 2", "1\t2", "1\n2", "1 2 3 4", "1 2 3 4 5",
	"1\x002", "\x001", "1\r\n", "\v1", "\xa01", "１",
	"100", "200", "201", "255", "256", "32768", "65535", "65536", "32768 60999", "60999 32768", "0 0", "1 65536", "40000", "70000",
	"2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296",
	"9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
	"00000000000000000001", "000000000000000000001", "0000000000000000000001", "1                     2",
	"4096 131072 6291456", "1 -1 1", "3 x", "a\nb", "core.%e", strings.Repeat("x", 64), strings.Repeat("y", 127), strings.Repeat("z", 200),
	strings.Repeat(" ", 4094) + "1", strings.Repeat(" ", 4095) + "1",
}

// oracleSysctls are one of each kind that can be written without harm: in
// namespaces of the test's own, or put back at once.
var oracleSysctls = []string{
	"kernel/hostname", "kernel/domainname", "kernel/msgmni", "kernel/msgmax", "kernel/shmall", "kernel/shmmni",
	"net/ipv4/conf/all/rp_filter", "net/ipv4/ip_local_port_range", "net/ipv4/ip_default_ttl", "net/ipv4/tcp_rmem",
	"net/ipv4/tcp_keepalive_time", "net/ipv4/tcp_syn_retries", "net/ipv4/tcp_notsent_lowat", "net/ipv4/tcp_adv_win_scale",
	"net/ipv4/tcp_comp_sack_delay_ns", "net/core/somaxconn", "net/ipv6/conf/all/hop_limit", "net/ipv4/icmp_echo_ignore_all",
	"vm/swappiness", "kernel/printk", "kernel/core_pattern", "vm/page-cluster",
}

// TestSysctlsWriteAsTheKernel writes the same to a real sysctl and to ours, from
// the same value, and compares error and outcome.
func TestSysctlsWriteAsTheKernel(t *testing.T) {
	ownNamespaces(t)
	for _, path := range oracleSysctls {
		typ, ok := known(path)
		if !ok {
			t.Errorf("%s: not known", path)
			continue
		}
		real := "/proc/sys/" + path
		before, err := os.ReadFile(real)
		if err != nil {
			t.Logf("%s: %v", path, err)
			continue
		}
		restore := func() {
			if _, err := writeReal(real, string(before), 0); err != nil {
				t.Errorf("%s: cannot be put back: %v", path, err)
			}
		}
		for _, input := range writeInputs {
			for _, offset := range []int64{0, 1, 100} {
				// hostname and msgmni have odd behaviour of their own at offsets
				// beyond the text; the rule is proc_dostring's all the same.
				restore()
				start := readBack(t, real)
				wantN, wantErr := writeReal(real, input, offset)
				want := readBack(t, real)
				got, n, gotErr := typ.store(start, []byte(input), offset)
				if !errors.Is(gotErr, wantErr) || got != want || gotErr == nil && n != wantN {
					t.Errorf("%s: %q, then write of %q at %d: got %q, %d, %v; the kernel %q, %d, %v",
						path, start, input, offset, got, n, gotErr, want, wantN, wantErr)
				}
			}
		}
		restore()
	}
}

func readBack(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(data, []byte("\n")))
}

// TestSysctlRangesAgree asks the kernel whether it accepts what lies just inside and
// just outside of our range, for everything in the network namespace.
func TestSysctlRangesAgree(t *testing.T) {
	ownNamespaces(t)
	asked := 0
	for _, area := range []sysctls{netSysctls(), ipv4Sysctls(), ipv6Sysctls(), interfaceSysctls()} {
		for path, typ := range area {
			real := "/proc/sys/" + path
			st, err := os.Stat(real)
			if err != nil || typ.form == formText || typ.count != 1 || st.Mode()&0o200 == 0 || typ.mode&0o200 == 0 || rangesMove[path] {
				continue
			}
			before := readBackOrSkip(real)
			if before == "" {
				continue
			}
			for _, input := range edgesOf(typ) {
				_, wantErr := writeReal(real, input, 0)
				if wantErr != nil && !errors.Is(wantErr, unix.EINVAL) {
					continue
				}
				_, _, gotErr := typ.store(before, []byte(input), 0)
				if !errors.Is(gotErr, wantErr) {
					t.Errorf("%s: write of %q: got %v, the kernel %v", path, input, gotErr, wantErr)
				}
				asked++
			}
			_, _ = writeReal(real, before, 0)
		}
	}
	t.Logf("%d answers compared", asked)
}

// rangesMove are sysctls whose range depends on another one's value or on the
// machine's size.
var rangesMove = map[string]bool{
	"net/ipv4/ipfrag_high_thresh": true, "net/ipv4/ipfrag_low_thresh": true,
	"net/ipv6/ip6frag_high_thresh": true, "net/ipv6/ip6frag_low_thresh": true,
	"net/netfilter/nf_conntrack_frag6_high_thresh": true, "net/netfilter/nf_conntrack_frag6_low_thresh": true,
	"net/ipv4/ip_unprivileged_port_start": true, "net/netfilter/nf_hooks_lwtunnel": true,
	"net/ipv6/conf/lo/mtu": true, "net/ipv6/conf/eth0/mtu": true,
	"net/ipv4/tcp_mtu_probe_floor": true, "net/ipv4/tcp_min_snd_mss": true,
}

func readBackOrSkip(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSuffix(data, []byte("\n")))
}

// edgesOf are numbers around the ends of a range.
func edgesOf(typ sysctl) []string {
	edges := []string{number{typ.min < 0, uint64(max(typ.min, -typ.min))}.String(), number{false, typ.max}.String()}
	if typ.max < 1<<64-1 {
		edges = append(edges, number{false, typ.max + 1}.String())
	}
	below := typ.min - 1
	return append(edges, "-0", "0", number{below < 0, uint64(max(below, -below))}.String())
}
