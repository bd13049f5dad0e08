package main

import (
	"strings"
	"testing"
)

func TestCNI(t *testing.T) {
	t.Setenv("CNI_NETNS", "/proc/self/ns/net")
	t.Setenv("CNI_IFNAME", "eth0")
	for _, c := range []struct {
		command, config string
		status          int
		says            string
	}{
		{"VERSION", `{"cniVersion": "0.4.0"}`, 0, `{"cniVersion":"0.4.0","supportedVersions":["0.3.0",`},
		{"VERSION", "", 0, `"supportedVersions"`},
		{"ADD", `{"cniVersion": "1.0.0", "name": "host", "type": "shimrun"}`, 0, `{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/proc/self/ns/net"}],"ips":[{"interface":0,"address":"`},
		{"ADD", `{"cniVersion": "0.4.0", "name": "host", "type": "loopback"}`, 0, `"ips":[{"version":"4","interface":0,"address":"127.0.0.1/8"}]`},
		{"CHECK", `{"cniVersion": "1.0.0"}`, 0, ""},
		{"DEL", `{"cniVersion": "1.0.0"}`, 0, ""},
		{"STATUS", `{"cniVersion": "1.1.0"}`, 0, ""},
		{"ADD", `{"cniVersion": "9.0.0"}`, 1, `"code":1,`},
		{"ADD", `{"cniVersion": `, 1, `"code":6,`},
		{"SUB", `{"cniVersion": "1.0.0"}`, 1, `"code":4,`},
	} {
		var out strings.Builder
		status := executeCNI(c.command, strings.NewReader(c.config), &out)
		if status != c.status || !strings.HasPrefix(out.String(), c.says) && !strings.Contains(out.String(), c.says) || c.says == "" && out.Len() > 0 {
			t.Errorf("%s %s: status %d, %q; want %d, %q", c.command, c.config, status, out.String(), c.status, c.says)
		}
	}
}
