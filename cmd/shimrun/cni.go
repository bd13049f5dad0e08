package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// As a plugin of the Container Network Interface shimrun connects pods where no
// netfilter, bridge or network device can be had: a pod shares the network of the
// machine, with its address. containerd wants a plugin before it calls the node's
// network ready, and calls it for each pod that is not hostNetwork. As the plugin
// "loopback" shimrun raises lo, where the pod has a network namespace.

// cniVersions are those of the specification that the answers fit.
var cniVersions = []string{"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}

// isCNI tells whether this program is called as a plugin: without arguments,
// and with the verb in the environment.
func isCNI(args []string) bool { return len(args) == 1 && os.Getenv("CNI_COMMAND") != "" }

// A cniError is what a plugin prints when it fails; codes from 100 on are its own.
type cniError struct {
	Version string `json:"cniVersion"`
	Code    int    `json:"code"`
	Message string `json:"msg"`
	Details string `json:"details,omitempty"`
}

// executeCNI answers one call, and returns the exit status.
func executeCNI(command string, in io.Reader, out io.Writer) int {
	config := struct {
		Version string `json:"cniVersion"`
		Type    string `json:"type"`
	}{}
	fail := func(code int, message, details string) int {
		_ = json.NewEncoder(out).Encode(cniError{config.Version, code, message, details})
		return 1
	}
	text, err := io.ReadAll(in)
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &config)
	}
	switch {
	case err != nil:
		return fail(6, "decode the network's configuration", err.Error())
	case command == "VERSION":
		if config.Version == "" {
			config.Version = cniVersions[len(cniVersions)-1]
		}
		_ = json.NewEncoder(out).Encode(map[string]any{"cniVersion": config.Version, "supportedVersions": cniVersions})
		return 0
	case !slices.Contains(cniVersions, config.Version):
		return fail(1, fmt.Sprintf("version %q of CNI is not supported", config.Version), "")
	}
	switch command {
	case "ADD":
		netns, err := pod(os.Getenv("CNI_NETNS"))
		if err != nil {
			return fail(100, "look at the pod's network namespace", err.Error())
		}
		result, err := netns.connect(config.Type == "loopback", os.Getenv("CNI_IFNAME"))
		if err != nil {
			return fail(101, "connect the pod", err.Error())
		}
		result.Version = config.Version
		result.adapt()
		_ = json.NewEncoder(out).Encode(result)
		return 0
	case "CHECK", "DEL", "GC", "STATUS":
		return 0 // there is nothing to take back, and nothing that could be out of order
	}
	return fail(4, fmt.Sprintf("CNI_COMMAND %q is unknown", command), "")
}
