package ptrace

import "testing"

func TestReplaced(t *testing.T) {
	if replacedSize == 0 {
		t.Skip("nothing is replaced on this architecture")
	}
	tests := map[string]bool{
		"\xff\x24\x25\xd0\x82\x06\x00": true,  // jmp *0x682d0, as seen in Debian 13's gVisor
		"\xff\x24\x25\xd0\x82\x07\x00": false, // not in the table
		"\xb8\x01\x00\x00\x00\x0f\x05": false, // mov $1, %eax; syscall
		"\x24\x25\xd0\x82\x06\x00":     false,
		"\x06\x00":                     false,
		"":                             false,
	}
	for code, want := range tests {
		if got := replaced([]byte(code)); got != want {
			t.Errorf("replaced(% x) = %v", code, got)
		}
	}
}
