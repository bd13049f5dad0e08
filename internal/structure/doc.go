// Package structure has no code: its tests hold what the documents say of the
// repository's structure against the repository.
package structure
