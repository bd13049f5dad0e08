//go:build kubernetes1.34

package containerd

const imports = false // v1.34.3
