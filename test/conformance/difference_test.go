package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// difference lists the lines that only one of two records has, "-" for what was
// expected and "+" for what came, in order; "" for equal records.
func difference(want, got []string) string {
	if slices.Equal(want, got) {
		return ""
	}
	// The longest common subsequence, from the end: records are short.
	length := make([][]int, len(want)+1)
	for i := range length {
		length[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	const most = 30
	var lines []string
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case i < len(want) && j < len(got) && want[i] == got[j]:
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && length[i+1][j] >= length[i][j+1]:
			lines = append(lines, "- "+shorten(want[i]))
			i++
		default:
			lines = append(lines, "+ "+shorten(got[j]))
			j++
		}
	}
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("… and %d lines more", len(lines)-most))
	}
	return strings.Join(lines, "\n")
}

func shorten(line string) string {
	const most = 240
	if len(line) > most {
		return line[:most] + "…"
	}
	return line
}
