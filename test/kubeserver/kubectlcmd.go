package main

import (
	"errors"
	"io/fs"
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

// written is where the server writes its kubeconfig unless told otherwise.
const written = "/etc/rancher/k3s/k3s.yaml"

// runKubectl is upstream's main function, for a root file system that has no
// kubectl; as k3s's, it knows where the kubeconfig is.
func runKubectl() {
	if os.Getenv("KUBECONFIG") == "" {
		if _, err := os.Stat(written); !errors.Is(err, fs.ErrNotExist) {
			os.Setenv("KUBECONFIG", written)
		}
	}
	logs.GlogSetter(cmd.GetLogVerbosity(os.Args)) // an error is one of the argument's, reported below
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
