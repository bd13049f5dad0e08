package runtime

// victims are programs that the tests run under the launcher.
var victims = map[string]func(args []string) int{}
