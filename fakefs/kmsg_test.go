package fakefs

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestKmsgRecords(t *testing.T) {
	for _, c := range []struct{ written, want string }{
		{"hello\n", "12,0,7,-;hello\n"},
		{"<6>hello", "14,0,7,-;hello\n"},
		{"<3>a\nb\n", "11,0,7,-;a\\x0ab\n"},
		{"<30>daemon", "30,0,7,-;daemon\n"},
		{"<0>", "8,0,7,-;\n"},
		{"<x>text", "12,0,7,-;<x>text\n"},
		{"<5text", "12,0,7,-;<5text\n"},
		{"tab\tback\\slash\x7fé", "12,0,7,-;tab\\x09back\\x5cslash\\x7f\\xc3\\xa9\n"},
		{"cut\x00here", "12,0,7,-;cut\n"},
		{"", "12,0,7,-;\n"},
	} {
		k := NewKmsg()
		k.now = func() uint64 { return 7 }
		if err := k.Append([]byte(c.written)); err != nil {
			t.Errorf("%q: %v", c.written, err)
		}
		records, next := k.Records(0)
		if len(records) != 1 || string(records[0]) != c.want || next != 1 {
			t.Errorf("%q: got %q, want %q", c.written, records, c.want)
		}
	}
}

func TestKmsgLimits(t *testing.T) {
	k := NewKmsg(bootRecords...)
	if first, next := k.First(), k.Next(); first != 0 || next != uint64(len(bootRecords)) {
		t.Errorf("boot records: %d to %d", first, next)
	}
	if err := k.Append(bytes.Repeat([]byte("x"), 992)); err != nil {
		t.Error(err)
	}
	if err := k.Append(bytes.Repeat([]byte("x"), 993)); !errors.Is(err, unix.EINVAL) {
		t.Errorf("993 bytes: %v", err)
	}
	for i := range kmsgCapacity {
		if err := k.Append(fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	records, next := k.Records(0)
	if len(records) != kmsgCapacity || next-k.First() != kmsgCapacity {
		t.Errorf("%d records, %d to %d", len(records), k.First(), next)
	}
	if !strings.HasPrefix(string(records[0]), fmt.Sprintf("12,%d,", k.First())) {
		t.Errorf("the first record is %q", records[0])
	}
	if records, next := k.Records(next + 10); len(records) != 0 || next != k.Next() {
		t.Errorf("beyond the end: %q, %d", records, next)
	}
}

// TestKmsgReadersMissNothing has readers follow the log while others write.
func TestKmsgReadersMissNothing(t *testing.T) {
	k := NewKmsg()
	const writers, each = 4, 200
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for seen := uint64(0); seen < writers*each; {
				changed := k.Wait()
				records, next := k.Records(seen)
				if uint64(len(records)) != next-seen {
					t.Errorf("%d records from %d to %d", len(records), seen, next)
					return
				}
				if seen = next; len(records) == 0 {
					<-changed
				}
			}
		})
	}
	for range writers {
		group.Go(func() {
			for range each {
				if err := k.Append([]byte("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

var recordShape = regexp.MustCompile(`^\d+,\d+,\d+,-;[ -~]*\n$`)

func FuzzKmsg(f *testing.F) {
	f.Add([]byte("<6>text\n"))
	f.Add([]byte("<99999999999999999999>\x00"))
	f.Fuzz(func(t *testing.T, written []byte) {
		k := NewKmsg()
		if err := k.Append(written); err != nil {
			if len(written) <= kmsgWriteLimit {
				t.Fatal(err)
			}
			return
		}
		records, _ := k.Records(0)
		if len(records) != 1 || !recordShape.Match(records[0]) {
			t.Fatalf("%q became %q", written, records)
		}
	})
}
