package delegate

import "github.com/opencontainers/runtime-spec/specs-go"

// native are the architectures of calls that a filter decides about. Others are
// let through: they are not served.
func native() []specs.Arch { return []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32} }
