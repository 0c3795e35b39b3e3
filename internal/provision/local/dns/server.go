// Package dns gives the local environment its names: a DNS server for the
// cluster's zone, hosts files for programs that cannot be pointed at it, and a
// resolver for Go programs that can.
package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

const shutdownWait = time.Second

// Services is what the server needs of the endpoint index.
type Services interface {
	Get(endpoints.Key) *endpoints.Service
	List() []*endpoints.Service
	OnChange(func(endpoints.Key))
}

// Options says where and for what the server answers. Services, Address and
// HostsDir are required.
type Options struct {
	Services Services
	// Address is the host:port to serve on, both UDP and TCP; port 0 takes a free one.
	Address string
	// Domain is the cluster's zone; "cluster.local" by default.
	Domain string
	// ResolvConf names the file with the machine's resolvers, which are asked
	// for names outside the zone; /etc/resolv.conf by default. With no resolver
	// in it such names are refused.
	ResolvConf string
	// HostsDir holds the hosts files; it is made if need be.
	HostsDir string
	// MachineHosts is the file whose lines every hosts file ends with;
	// /etc/hosts by default.
	MachineHosts string
	// Logger is slog's default where nil.
	Logger *slog.Logger
}

// Server answers for the cluster's zone and keeps the hosts files.
type Server struct {
	zone      zone
	searches  []string // the machine's own search domains
	forwarder forwarder
	hosts     *hostsFiles
	logger    *slog.Logger
	tcp       net.Listener
	udp       net.PacketConn
}

// New opens the server's sockets; Run then serves on them and closes them.
func New(options Options) (*Server, error) {
	if options.Services == nil || options.HostsDir == "" {
		return nil, errors.New("make DNS server: services and a hosts directory are needed")
	}
	if options.Domain == "" {
		options.Domain = "cluster.local"
	}
	if options.ResolvConf == "" {
		options.ResolvConf = "/etc/resolv.conf"
	}
	if options.MachineHosts == "" {
		options.MachineHosts = "/etc/hosts"
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	inside := zone{domain: dns.Fqdn(strings.ToLower(options.Domain)), services: options.Services}
	hosts, err := newHostsFiles(inside, options.HostsDir, options.MachineHosts)
	if err != nil {
		return nil, err
	}
	tcp, udp, err := listen(options.Address)
	if err != nil {
		return nil, err
	}
	server := &Server{zone: inside, hosts: hosts, logger: options.Logger, tcp: tcp, udp: udp}
	server.forwarder, server.searches = machineResolvers(options.ResolvConf, server.Addr())
	return server, nil
}

// listen takes the same port for both protocols.
func listen(address string) (net.Listener, net.PacketConn, error) {
	const attempts = 10 // a free TCP port may be taken for UDP
	var failure error
	for range attempts {
		tcp, err := net.Listen("tcp", address) //nolint:noctx // takes no time
		if err != nil {
			return nil, nil, fmt.Errorf("listen for DNS: %w", err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String()) //nolint:noctx // takes no time
		if err == nil {
			return tcp, udp, nil
		}
		tcp.Close()
		failure = err
	}
	return nil, nil, fmt.Errorf("listen for DNS: %w", failure)
}

// Addr is the host:port that the server answers on.
func (s *Server) Addr() string { return s.tcp.Addr().String() }

// HostsFile gives the path of the hosts file for processes of a namespace, up to
// date. From then on it is rewritten in place whenever the cluster changes.
func (s *Server) HostsFile(namespace string) (string, error) { return s.hosts.file(namespace) }

// Run serves until ctx ends. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	s.zone.services.OnChange(func(endpoints.Key) {
		select {
		case changed <- struct{}{}:
		default: // a rewrite is due already and will see this change too
		}
	})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
				if err := s.hosts.rewrite(); err != nil {
					s.logger.Error("rewrite hosts files", "error", err)
				}
			}
		}
	})
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, request *dns.Msg) { s.serve(ctx, w, request) })
	for _, server := range []*dns.Server{
		{Listener: s.tcp, Handler: handler},
		{PacketConn: s.udp, Handler: handler},
	} {
		started, ended := make(chan struct{}), make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		group.Go(func() error {
			defer close(ended)
			if err := server.ActivateAndServe(); err != nil && ctx.Err() == nil {
				return fmt.Errorf("serve DNS: %w", err)
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			select { // a server that has not started cannot be stopped
			case <-started:
			case <-ended:
				return nil
			}
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWait)
			defer cancel()
			_ = server.ShutdownContext(ending)
			return nil
		})
	}
	return group.Wait()
}

func (s *Server) serve(ctx context.Context, w dns.ResponseWriter, request *dns.Msg) {
	reply := new(dns.Msg)
	switch {
	case request.Opcode != dns.OpcodeQuery:
		reply.SetRcode(request, dns.RcodeNotImplemented)
	case len(request.Question) != 1 || request.Question[0].Qclass != dns.ClassINET:
		reply.SetRcode(request, dns.RcodeRefused)
	default:
		reply = s.resolve(ctx, request)
	}
	size := dns.MinMsgSize
	if w.LocalAddr().Network() == "tcp" {
		size = dns.MaxMsgSize
	} else if option := request.IsEdns0(); option != nil {
		size = int(option.UDPSize())
	}
	if request.IsEdns0() != nil && reply.IsEdns0() == nil {
		reply.SetEdns0(dns.DefaultMsgSize, false)
	}
	reply.Truncate(size)
	if err := w.WriteMsg(reply); err != nil {
		s.logger.Debug("answer a DNS query", "error", err)
	}
}
