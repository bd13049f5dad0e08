//go:build !kubernetes1.34

package server

import (
	"time"

	"github.com/k3s-io/kine/pkg/drivers"
)

// pollEvery sets how often kine looks for what others have written.
func pollEvery(config *drivers.Config, interval time.Duration) { config.PollInterval = interval }
