// Command web is what runs in the containers of tests of a cluster.
//
//	web serve [PORT]   a web server that tells of itself; 0, the default, is any port
//	web pause          waits to be ended, and reaps what it inherits
//	web spin           uses up a processor
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

func main() {
	verb, argument := "", "0"
	if len(os.Args) > 1 {
		verb = os.Args[1]
	}
	if len(os.Args) > 2 {
		argument = os.Args[2]
	}
	switch verb {
	case "serve":
		serve(argument)
	case "pause":
		pause()
	case "spin":
		for {
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: web serve [PORT] | pause | spin")
		os.Exit(2)
	}
}

// serve answers until SIGTERM.
func serve(port string) {
	var sick, busy atomic.Bool
	health := func(bad *atomic.Bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if bad.Load() {
				http.Error(w, "no", http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "yes")
		}
	}
	set := func(state *atomic.Bool, value bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			state.Store(value)
			fmt.Println(r.URL.Path)
		}
	}
	http.HandleFunc("/healthy", health(&sick))
	http.HandleFunc("/ready", health(&busy))
	http.HandleFunc("/become/sick", set(&sick, true))
	http.HandleFunc("/become/busy", set(&busy, true))
	http.HandleFunc("/become/free", set(&busy, false))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		name, _ := os.Hostname()
		fmt.Fprintln(w, "version", os.Getenv("IMAGE_VERSION"), "on", name)
	})
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	go func() {
		fmt.Fprintln(os.Stderr, "web:", http.Serve(listener, nil))
		os.Exit(1)
	}()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	<-term
	fmt.Println("terminated")
}

func pause() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
