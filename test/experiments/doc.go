// Command experiments runs the project's experiments and writes what came of
// them to docs/experiments, a page for each.
//
//	go run ./test/experiments 1 3B       those two
//	go run ./test/experiments all        all of them, in order
//
// An experiment is a Go function that does it on real parts, and a page in
// templates/ with the words that people wrote:
//
//	function ──▶ sandboxes, servers, probes ──▶ tables, values, a transcript
//	   │                                              │
//	   └─▶ expectations: what the words say           ▼
//	        one is untrue? say so, write no page   template ──▶ docs/experiments/N-name.md
//
// So no page can say what a run did not show. Where a sentence hangs on a
// result, the function expects that result.
//
// It is not a test: it asks what happens, needs minutes, and its findings are
// read by people. What has to stay so is held by the tests.
package main
