//go:build kubernetes1.34

package server

import (
	"time"

	"github.com/k3s-io/kine/pkg/drivers"
)

// pollEvery does nothing: a second is what this kine has.
func pollEvery(*drivers.Config, time.Duration) {}
