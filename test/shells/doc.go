// Package shells presses the TAB key in real shells. What stands on a command
// line then is nothing that anybody has sent off, so that completion must start
// nothing, whatever the words are: not in shimrun, and not in the scripts that
// ask it.
package shells
