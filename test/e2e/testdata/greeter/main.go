// Greeter is a service of the end-to-end tests' own: as small as one can be that
// runs as a pod of the local environment.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// greeting is changed by the linker: another build of the same source.
var greeting = "hello"

func main() {
	if len(os.Args) > 2 && os.Args[1] == "get" {
		for _, url := range os.Args[2:] {
			get(url)
		}
		return
	}
	handler := http.NewServeMux()
	handler.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, %s, from %s\n", greeting, name(), os.Getenv("POD_NAME"))
	})
	handler.HandleFunc("/path", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.URL.Path, r.Host) })
	// A slow answer is what a rollout cuts off if it is careless.
	handler.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(200 * time.Millisecond)
		fmt.Fprintln(w, os.Getenv("POD_NAME"))
	})
	handler.HandleFunc("/healthz", check("/tmp/unhealthy"))
	handler.HandleFunc("/readyz", check("/tmp/unready"))

	// A pod's processes share the machine's network: each serves on its pod's
	// own address, which Kubernetes tells by the downward API.
	server := &http.Server{Addr: net.JoinHostPort(os.Getenv("POD_IP"), "8080"), Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	drained := make(chan error, 1)
	go func() {
		<-ctx.Done()
		log.Print("asked to end")
		patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		drained <- server.Shutdown(patience)
	}()
	log.Printf("serving on %s", server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
	log.Print("ended cleanly")
}

// get is a client: it prints what a URL answers, on a connection of its own.
func get(url string) {
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil || response.StatusCode != http.StatusOK {
		log.Fatal(response.Status, err)
	}
}

// name is what a ConfigMap's file says, read anew for each request.
func name() string {
	content, err := os.ReadFile(os.Getenv("NAME_FILE"))
	if err != nil {
		return "world"
	}
	return strings.TrimSpace(string(content))
}

// check is well unless a file is there, which a test puts there.
func check(spoiler string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if _, err := os.Stat(spoiler); err == nil {
			http.Error(w, spoiler+" is there", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}
