package shim

// arm64 has none of the calls that the others have replaced.
func legacyPassages() map[string]*passage { return nil }

var legacyMountSpecs []Spec
