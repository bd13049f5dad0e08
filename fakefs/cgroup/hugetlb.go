package cgroup

import "slices"

// hugetlb is what a group of that controller is set to: pages by the file's name.
type hugetlb map[string]uint64

func freshHugetlb(*Group) any { return hugetlb{} }

// hugetlbFiles are those of mm/hugetlb_cgroup.c, for the sizes that most processors
// have. Nobody has huge pages here.
var hugetlbFiles = slices.Concat(hugePages("2MB", 2<<20), hugePages("1GB", 1<<30))

func hugePages(size string, bytes uint64) []spec {
	prefix := "hugetlb." + size + "."
	return []spec{
		hugeLimit(prefix+"max", bytes),
		hugeLimit(prefix+"rsvd.max", bytes),
		fixedFile(prefix+"current", belowRoot, "0\n"),
		fixedFile(prefix+"rsvd.current", belowRoot, "0\n"),
		fixedFile(prefix+"events", belowRoot, "max 0\n"),
		fixedFile(prefix+"events.local", belowRoot, "max 0\n"),
		fixedFile(prefix+"numa_stat", belowRoot, "total=0 N0=0\n"),
	}
}

// hugeLimit is a limit in whole huge pages (hugetlb_cgroup_write_dfl).
func hugeLimit(name string, bytes uint64) spec {
	whole := bytes / pageSize
	none := unlimited / whole * whole
	return spec{name: name, mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) {
			pages, ok := g.state["hugetlb"].(hugetlb)[name]
			if !ok {
				return line(uint64(unlimited * pageSize)), nil // it is not rounded at first
			}
			if pages == none {
				return "max\n", nil
			}
			return line(pages * pageSize), nil
		},
		write: func(g *Group, _ Caller, text string) error {
			pages, err := parseBytes(text, "max")
			if err == nil {
				g.state["hugetlb"].(hugetlb)[name] = pages / whole * whole
			}
			return err
		}}
}
