// Package cases is the conformance table: what a victim does to the files that
// a shim serves, and what must come of it. It is linked into the victim, which
// runs the rows, and into the test, which compares what they recorded.
//
// A row makes system calls with exact arguments and records their results
// through a [Record]: return values, errno names, bytes, the fields that
// matter. Names of files are symbols ("range", "keys"), which stand for a real
// sysctl when the kernel is the oracle and for a served one under the shim
// (see [Names]), so the two records can be compared line by line.
package cases

import (
	"fmt"
	"strings"
)

// Oracle says where a row's expectation comes from.
type Oracle uint8

const (
	// Kernel: the same row run on the native kernel's real files.
	Kernel Oracle = iota
	// Bare: the same row run on the same ground without the shim. For what a
	// shim must leave alone.
	Bare
	// Stated: the row's own Want. Such a row must come out differently without
	// the shim, or it shows nothing.
	Stated
)

// Need is what a row cannot do without.
type Need uint8

const (
	// Root needs uid 0.
	Root Need = 1 << iota
	// Mounts needs CAP_SYS_ADMIN.
	Mounts
	// Own gives the row a process of its own, because it changes what a
	// process cannot change back: root, credentials, namespaces.
	Own
	// Nobody runs the row in its own process as uid and gid 65534.
	Nobody
	// Groups needs an oracle with controllers of cgroup v1.
	Groups
	// Unified needs an oracle with a cgroup2, and is run under a profile of its own.
	Unified
)

// A Case is one row of the table.
type Case struct {
	Name string
	// Calls names the system calls that the row is about, separated by spaces.
	Calls string
	Run   func(*Record)
	Like  Oracle
	Want  []string
	Needs Need
	// Real marks a row about names that are not served: the record is the same
	// with and without the shim.
	Real bool
	// Has is the beginning of the grounds whose own kernel has what the row is
	// about, so that there the shim makes no difference.
	Has string
	// Known marks a row that is run with the kernel's own names only: it is
	// about limits that the shim knows for these alone, or about calls that
	// are left to the kernel.
	Known bool
	// Takes is what the row cannot do without, of what not every kernel has.
	Takes Ability
	// Not names the grounds, or their beginnings, where the kernel cannot do
	// what the row does, each with the reason.
	Not map[string]string
}

// Skip gives the reason why a ground cannot run the row, or "".
func (c *Case) Skip(ground string) string {
	for prefix, reason := range c.Not {
		if strings.HasPrefix(ground, prefix) {
			return reason
		}
	}
	return ""
}

// tables are the groups of rows; each file of this package holds one or more.
var tables = [][]Case{
	openCases, statCases, accessCases, directoryCases, enterCases,
	readCases, writeCases, descriptorCases, linkCases, wayCases,
	attributeCases, changeCases, watchCases, pointerCases,
	openat2Cases, kmsgCases, identityCases, mountCases, mountingCases, processCases, namespaceCases, groupCases, unifiedCases, raceCases,
}

// All is the whole table, in order.
func All() []Case {
	var all []Case
	for _, t := range tables {
		all = append(all, t...)
	}
	return all
}

// Find returns the row of that name.
func Find(name string) (*Case, error) {
	for _, t := range tables {
		for i := range t {
			if t[i].Name == name {
				return &t[i], nil
			}
		}
	}
	return nil, fmt.Errorf("no case %q", name)
}
