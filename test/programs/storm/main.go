// Command storm opens files from 200 goroutines at once, as busy Go programs
// do, and says how many reads went well: storm FILE...
package main

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

func main() {
	var good, bad atomic.Int64
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			name := os.Args[1+i%(len(os.Args)-1)]
			for range 20 {
				data, err := os.ReadFile(name)
				info, statErr := os.Stat(name)
				if err == nil && statErr == nil && len(data) > 0 && info.Mode().IsRegular() {
					good.Add(1)
				} else {
					bad.Add(1)
				}
			}
		})
	}
	group.Wait()
	fmt.Printf("%d good, %d bad\n", good.Load(), bad.Load())
}
