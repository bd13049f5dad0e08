package server

import (
	"fmt"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"

	"github.com/shimrun/shimrun/test/kubeserver/arguments"
)

// parse gives a component its flags: ours, and then the user's.
func parse(component string, named cliflag.NamedFlagSets, args arguments.Set, extra []string) error {
	if err := args.Merge(extra); err != nil {
		return fmt.Errorf("%s: %w", component, err)
	}
	fs := pflag.NewFlagSet(component, pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	fs.Usage = func() {} // hundreds of lines nobody reads
	for _, set := range named.FlagSets {
		fs.AddFlagSet(set)
	}
	if err := fs.Parse(args.List()); err != nil {
		return fmt.Errorf("%s: %w", component, err)
	}
	cliflag.PrintFlags(fs)
	return nil
}
