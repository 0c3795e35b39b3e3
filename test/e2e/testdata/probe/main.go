// Command probe is what the deploy suite's pods run: it serves, succeeds or
// fails, as its one argument says.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	switch os.Args[len(os.Args)-1] {
	case "succeed":
		fmt.Println("done")
	case "serve":
		server := &http.Server{
			Addr:              net.JoinHostPort(os.Getenv("POCCTL_POD_IP"), "8080"),
			Handler:           http.NotFoundHandler(),
			ReadHeaderTimeout: time.Second,
		}
		fmt.Println(server.ListenAndServe())
		os.Exit(1)
	default:
		fmt.Println("cannot go on")
		os.Exit(3)
	}
}
