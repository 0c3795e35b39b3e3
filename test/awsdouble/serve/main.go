// Command serve serves the APIs of the AWS double by hand, over the account that
// POCCTL_AWSDOUBLE_DIR names, until it is interrupted. It prints what a shell's
// environment needs to call it.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/pocctl/pocctl/test/awsdouble/api"
	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run() error {
	directory := os.Getenv(cloud.Environment)
	if directory == "" {
		return errors.New("set " + cloud.Environment + " to the account's directory")
	}
	account, err := cloud.Open(directory)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := api.New(account)
	served.URL = "http://" + listener.Addr().String()
	for _, variable := range served.Environment() {
		fmt.Println("export " + variable)
	}
	server := &http.Server{Handler: served, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
