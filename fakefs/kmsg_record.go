package fakefs

import "strconv"

const (
	kmsgUser         = 1 // LOG_USER
	kmsgDefaultLevel = 4 // CONFIG_MESSAGE_LOGLEVEL_DEFAULT, warning
)

// splitPriority takes "<N>" off a text: N is facility*8 + level, and facility
// 0, the kernel's own, cannot be claimed. Facility and level stand where there
// is none.
func splitPriority(text []byte, facility, level uint32) (prio uint32, rest []byte) {
	if len(text) > 0 && text[0] == '<' {
		n, end := uint32(0), 1
		for end < len(text) && isDigit(text[end]) {
			n = n*10 + uint32(text[end]-'0')
			end++
		}
		if end < len(text) && text[end] == '>' {
			level = n & 7
			// The number may have wrapped around, as simple_strtoul's does.
			if n>>3 != 0 {
				facility = n >> 3
			}
			text = text[end+1:]
		}
	}
	return facility<<3 | level, text
}

// appendRecord formats a record as devkmsg_read gives it:
// "prio,seq,usec,-;text\n", with everything but printable ASCII escaped
// (msg_add_ext_text), ended at a NUL, one trailing newline taken off.
func appendRecord(dst []byte, prio uint32, seq, microseconds uint64, text []byte) []byte {
	for i, c := range text {
		if c == 0 {
			text = text[:i]
			break
		}
	}
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	dst = append(strconv.AppendUint(dst, uint64(prio), 10), ',')
	dst = append(strconv.AppendUint(dst, seq, 10), ',')
	dst = append(strconv.AppendUint(dst, microseconds, 10), ",-;"...)
	const hex = "0123456789abcdef"
	for _, c := range text {
		if c < ' ' || c >= 127 || c == '\\' {
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return append(dst, '\n')
}
