//go:build !kubernetes1.34

package containerd

const imports = true
