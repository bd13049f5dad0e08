package fakefs

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("profile.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("profile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validate asks the schema about a YAML document, as an editor would.
func validate(schema *jsonschema.Schema, doc string) error {
	var value any
	if err := yaml.Unmarshal([]byte(doc), &value); err != nil {
		return err
	}
	if value == nil {
		value = map[string]any{}
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return schema.Validate(instance)
}

func TestSchemaAcceptsBuiltins(t *testing.T) {
	schema := compileSchema(t)
	for _, name := range Builtins() {
		doc, err := Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(schema, string(doc)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		p, err := Load(LoadOptions{Profiles: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		merged, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(schema, string(merged)); err != nil {
			t.Errorf("%s merged: %v", name, err)
		}
	}
}

// TestSchemaKnowsTheKeysOfTheDecoder compares the keys that the decoder allows,
// which it names in its error for an unknown one, with the schema's properties.
func TestSchemaKnowsTheKeysOfTheDecoder(t *testing.T) {
	var schema any
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	at := func(path ...string) map[string]any {
		node := schema
		for _, key := range path {
			if list, ok := node.([]any); ok {
				node = list[len(list)-1]
			} else {
				node = node.(map[string]any)[key]
			}
		}
		return node.(map[string]any)
	}
	for doc, path := range map[string][]string{
		"?: 1":                            {"properties"},
		"match: {?: 1}":                   {"properties", "match", "properties"},
		"sysctls: {kernel.panic: {?: 1}}": {"properties", "sysctls", "additionalProperties", "anyOf", "last", "properties"},
		"files: {/a: {?: 1}}":             {"properties", "files", "additionalProperties", "properties"},
		"filesystems: [{?: 1}]":           {"properties", "filesystems", "items", "properties"},
		"filesystems: [{match: {?: 1}}]":  {"properties", "filesystems", "items", "properties", "match", "properties"},
		"filesystems: [{report: {?: 1}}]": {"properties", "filesystems", "items", "properties", "report", "properties"},
		"uname: {?: 1}":                   {"properties", "uname", "properties"},
		"cgroups: {?: 1}":                 {"properties", "cgroups", "properties"},
		"memory: {?: 1}":                  {"properties", "memory", "properties"},
	} {
		want := list(slices.Sorted(maps.Keys(at(path...))))
		_, err := Parse("p.yaml", []byte(strings.Replace(doc, "?", "unheard-of", 1)))
		if err == nil {
			t.Errorf("%s: no error", doc)
			continue
		}
		m := regexp.MustCompile(`unknown key "unheard-of" \(allowed: (.*)\)`).FindStringSubmatch(err.Error())
		if m == nil || m[1] != want {
			t.Errorf("%s: decoder says %v, schema %s", doc, err, want)
		}
	}
	for _, words := range []struct {
		path []string
		want []string
	}{
		{[]string{"properties", "files", "additionalProperties", "properties", "generate"}, slices.Sorted(maps.Keys(generators))},
		{[]string{"properties", "cgroups", "properties", "controllers", "items"}, anyControllers()},
		{[]string{"properties", "quirks", "items"}, slices.Sorted(maps.Keys(Quirks))},
		{[]string{"$defs", "filesystem"}, slices.Sorted(maps.Keys(magics))},
		{[]string{"properties", "sysctls", "additionalProperties", "anyOf", "last", "properties", "type"}, sysctlTypes},
	} {
		var got []string
		for _, word := range at(words.path...)["enum"].([]any) {
			got = append(got, word.(string))
		}
		if diff := cmp.Diff(words.want, got); diff != "" {
			t.Errorf("%v (-code +schema):\n%s", words.path, diff)
		}
	}
}
