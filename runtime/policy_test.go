package runtime

// testProfile serves a file for the tests of processes to read, and a value to write.
const testProfile = `
name: test
files:
  /proc/shimtest: {content: "hello\n"}
sysctls:
  kernel.panic_on_oops: 0
`
