// Package bundle reads OCI bundles: a folder with a config.json, and the root
// file system that it names.
//
//	DIR/config.json ── Load ──▶ decode ──▶ check ──▶ Bundle{Dir, Rootfs, Spec}
//
// It refuses what the runtime specification calls an error, before anything is
// made, and says where in the file the mistake is. Properties that it does not
// know are ignored, as the specification demands ("Extensibility").
//
// It starts nothing and changes nothing: package builtin runs a bundle, and
// package delegate hands it to another runtime.
package bundle
