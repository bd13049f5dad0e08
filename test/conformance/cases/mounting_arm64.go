package cases

// legacyCalls: this architecture has none.
func legacyCalls(*stage, func(what, name string, nr uintptr, args ...uintptr), func(string) uintptr) {
}
