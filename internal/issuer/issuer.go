// Package issuer is an OpenID Connect provider for development: it logs in three
// people with one password, and three machines with a secret each. It is there so
// that the service takes tokens on a laptop as it does in production, by the same
// code. It is not for production: who has it has every role.
package issuer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Options of Serve. Address, URL, Audience, Password and the secrets are needed.
type Options struct {
	// Address is where it listens, host:port.
	Address string
	// URL is the issuer's, as tokens have it and clients reach it. Its path is
	// where everything is.
	URL string
	// AllowRemote lets the URL have a host that isn't this machine.
	AllowRemote bool
	// Audience is what tokens are for.
	Audience string
	// Password is that of all people: ada (admin), eve (editor) and vic (viewer).
	Password string
	// ViewerSecret, EditorSecret and AdminSecret are those of the machine clients.
	ViewerSecret, EditorSecret, AdminSecret string
	// KeyDirectory keeps the signing keys over a restart; empty makes one each time.
	KeyDirectory string
	// Rotation is how often another key signs; 0 is never. The one before stays
	// published for as long as its tokens are good.
	Rotation time.Duration
	// LogOutput takes the log, one JSON object a line; nil is none.
	LogOutput io.Writer
	// LogLevel is debug, info, warn or error; info if empty.
	LogLevel string
	// Started, if set, is told the address once it listens.
	Started func(net.Addr)
}

// Lifetime is how long a token is good.
const Lifetime = time.Hour

// OptionError is an option that can't be used.
type OptionError struct {
	Option string // the field of Options
	Err    error
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

// Validate returns an *OptionError for the first option that can't be used.
func (o Options) Validate() error {
	if _, _, err := net.SplitHostPort(o.Address); err != nil {
		return &OptionError{"Address", err}
	}
	parsed, err := url.Parse(o.URL)
	switch {
	case err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https":
		return &OptionError{"URL", errors.New("must be an http or https URL")}
	case parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil || strings.HasSuffix(o.URL, "/"):
		return &OptionError{"URL", errors.New("must have no query, fragment, user or slash at its end")}
	case parsed.Path != "" && (path.Clean(parsed.Path) != parsed.Path || strings.ContainsAny(parsed.Path, "{} ")):
		return &OptionError{"URL", errors.New("must have a plain path, as /issuer")}
	case !o.AllowRemote && !isLoopback(parsed.Hostname()):
		return &OptionError{"URL", fmt.Errorf("%s isn't this machine, and this is for development alone", parsed.Hostname())}
	}
	for _, secret := range []struct{ option, value string }{
		{"Password", o.Password}, {"ViewerSecret", o.ViewerSecret}, {"EditorSecret", o.EditorSecret}, {"AdminSecret", o.AdminSecret},
	} {
		if len(secret.value) < leastSecret {
			return &OptionError{secret.option, fmt.Errorf("must have %d characters or more", leastSecret)}
		}
	}
	if o.Audience == "" {
		return &OptionError{"Audience", errors.New("is needed")}
	}
	if _, err := zapcore.ParseLevel(o.LogLevel); o.LogLevel != "" && err != nil {
		return &OptionError{"LogLevel", err}
	}
	if o.Rotation < 0 || o.Rotation > 0 && o.Rotation < time.Second {
		return &OptionError{"Rotation", errors.New("must be at least 1s, or 0")}
	}
	return nil
}

const leastSecret = 8

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address := net.ParseIP(host)
	return address != nil && address.IsLoopback()
}

const (
	readTimeout     = 10 * time.Second
	shutdownTimeout = 5 * time.Second
	maxHeaderBytes  = 16 << 10
)

// Serve answers until ctx ends. Errors: *OptionError, the address in use, a key
// that can't be read or kept.
func Serve(ctx context.Context, options Options) error {
	if err := options.Validate(); err != nil {
		return err
	}
	logger := newLogger(options)
	keys, err := openKeys(options.KeyDirectory, time.Now)
	if err != nil {
		return err
	}
	provider, err := newProvider(options, keys, logger, time.Now)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", options.Address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", options.Address, err)
	}
	server := &http.Server{
		Handler:           provider.handler(),
		ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout, IdleTimeout: time.Minute,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: zap.NewStdLog(logger),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	logger.Warn("an issuer for development, never for production: whoever has its password or secrets has every role", zap.Stringer("address", listener.Addr()), zap.String("url", options.URL))
	if options.Started != nil {
		options.Started(listener.Addr())
	}
	rotating, stop := context.WithCancel(ctx)
	defer stop()
	if options.Rotation > 0 {
		go keys.rotateEvery(rotating, options.Rotation, logger)
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		return fmt.Errorf("wait %s for requests to finish: %w", shutdownTimeout, err)
	}
	return nil
}

func newLogger(options Options) *zap.Logger {
	if options.LogOutput == nil {
		return zap.NewNop()
	}
	level := zapcore.InfoLevel
	if options.LogLevel != "" {
		level, _ = zapcore.ParseLevel(options.LogLevel) // Validate has read it
	}
	form := zap.NewProductionEncoderConfig()
	form.TimeKey, form.MessageKey, form.EncodeTime = "time", "message", zapcore.RFC3339NanoTimeEncoder
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(form), zapcore.Lock(zapcore.AddSync(options.LogOutput)), level))
}
