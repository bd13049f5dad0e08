package bundle

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestExampleIsValid(t *testing.T) {
	if err := Check(Example()); err != nil {
		t.Error(err)
	}
}

func TestPlaceOfMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "f:1:1: the file is empty",
		"{\n  \"ociVersion\": 3\n}":         "f:2:17: ociVersion cannot be a number",
		"{\n\n x}":                          "f:3:2: invalid character 'x'",
		"{\"process\": {\"args\": \"sh\"}}": "process.args cannot be a string",
		"{\"a\":":                           "f:1:5: the file ends in the middle",
		"{}\n{}":                            "f:2:1: there is more after the end",
	} {
		var spec specs.Spec
		err := decode("f", []byte(text), &spec)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// Whatever comes in, it is refused or can be checked.
func FuzzDecode(f *testing.F) {
	text, err := json.Marshal(Example())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"ociVersion":"1.0.0","process":{"args":null},"linux":{"seccomp":{"syscalls":[{}]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var spec specs.Spec
		if decode("f", text, &spec) == nil {
			_ = Check(&spec)
		}
	})
}
