//go:build linux && !slim

package kubernetes

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clientset "k8s.io/client-go/kubernetes"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	criapi "k8s.io/cri-api/pkg/apis"
	"k8s.io/klog/v2"
	kubeletapp "k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/kubelet"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubelet/container"
	kubelettypes "k8s.io/kubernetes/pkg/kubelet/types"
	kubeletutil "k8s.io/kubernetes/pkg/kubelet/util"
	"k8s.io/kubernetes/pkg/util/oom"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
)

// KubeletOptions say what the kubelet works with.
type KubeletOptions struct {
	// NodeName is the Node object that it keeps; it must exist, with its addresses.
	NodeName string
	// Client is how it reaches the API server, as system:node:NodeName.
	Client *rest.Config
	// Root and PodLogs are its directories.
	Root, PodLogs string
	// DNS is the address of the cluster's name server.
	DNS netip.Addr
	// Address is where its own API listens.
	Address netip.AddrPort
	// ClientAuthority, Certificate and Key are the paths of the PEM files of its API.
	ClientAuthority, Certificate, Key string
	// Runtime and Images are the container runtime, in this process.
	Runtime criapi.RuntimeService
	Images  criapi.ImageManagerService
}

// StartKubelet starts the kubelet; it runs until the process ends.
func StartKubelet(ctx context.Context, o KubeletOptions) error {
	flags := options.NewKubeletFlags()
	flags.RootDirectory = o.Root
	flags.HostnameOverride = o.NodeName
	// The Node object brings its own addresses: a kubelet that finds them itself
	// needs a default route, and refuses loopback.
	flags.CloudProvider = "external"

	config, err := kubeletConfiguration(o)
	if err != nil {
		return err
	}
	tls, err := kubeletapp.InitializeTLS(ctx, flags, config)
	if err != nil {
		return fmt.Errorf("start kubelet: %w", err)
	}
	dependencies, err := kubeletDependencies(ctx, o, config)
	if err != nil {
		return err
	}
	dependencies.TLSOptions = tls
	server := &options.KubeletServer{KubeletFlags: *flags, KubeletConfiguration: *config}
	if err := kubeletapp.RunKubelet(ctx, server, dependencies); err != nil {
		return fmt.Errorf("start kubelet: %w", err)
	}
	return nil
}

func kubeletConfiguration(o KubeletOptions) (*kubeletconfig.KubeletConfiguration, error) {
	c, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, fmt.Errorf("configure kubelet: %w", err)
	}
	c.ContainerRuntimeEndpoint = "unix:///dev/null" // the runtime is in this process
	c.StaticPodPath = ""
	c.PodLogsDir = o.PodLogs
	c.ResolverConfig = kubelettypes.ResolvConfDefault
	c.ClusterDomain = "cluster.local"
	c.ClusterDNS = []string{o.DNS.String()}

	c.EnableServer = true
	c.Address = o.Address.Addr().String()
	c.Port = int32(o.Address.Port())
	c.ReadOnlyPort = 0
	c.HealthzPort = 0
	c.TLSCertFile, c.TLSPrivateKeyFile = o.Certificate, o.Key
	c.ServerTLSBootstrap = false
	c.Authentication.Anonymous.Enabled = false
	c.Authentication.Webhook.Enabled = true
	c.Authentication.X509.ClientCAFile = o.ClientAuthority
	c.Authorization.Mode = kubeletconfig.KubeletAuthorizationModeWebhook

	// No cgroups: the node owns none. Nothing is evicted or limited by them.
	c.CgroupRoot = ""
	c.CgroupsPerQOS = false
	c.EnforceNodeAllocatable = nil
	c.FailCgroupV1 = false
	c.FailSwapOn = false
	c.LocalStorageCapacityIsolation = false
	c.EvictionHard = map[string]string{}
	c.ImageGCHighThresholdPercent = 100
	c.EnableControllerAttachDetach = false

	c.RegisterNode = true
	c.MaxPods = 250
	c.SerializeImagePulls = false
	c.RegistryPullQPS = 0
	c.EventRecordQPS = 0
	c.KubeAPIQPS, c.KubeAPIBurst = 100, 200
	c.SyncFrequency.Duration = 20 * time.Second
	c.NodeStatusReportFrequency.Duration = time.Minute
	return c, nil
}

func kubeletDependencies(ctx context.Context, o KubeletOptions, config *kubeletconfig.KubeletConfiguration) (*kubelet.Dependencies, error) {
	restConfig := rest.CopyConfig(o.Client)
	restConfig.ContentType = "application/vnd.kubernetes.protobuf"
	restConfig.QPS, restConfig.Burst = float32(config.KubeAPIQPS), int(config.KubeAPIBurst)
	client, err := clientset.NewForConfig(restConfig)
	if err != nil {
		return nil, fmt.Errorf("connect kubelet: %w", err)
	}
	unlimited := rest.CopyConfig(restConfig)
	unlimited.QPS = -1
	events, err := typedcore.NewForConfig(unlimited)
	if err != nil {
		return nil, fmt.Errorf("connect kubelet: %w", err)
	}
	heartbeat := rest.CopyConfig(unlimited)
	heartbeat.Timeout = config.NodeStatusUpdateFrequency.Duration
	heartbeats, err := clientset.NewForConfig(heartbeat)
	if err != nil {
		return nil, fmt.Errorf("connect kubelet: %w", err)
	}
	auth, reload, err := kubeletapp.BuildAuth(types.NodeName(o.NodeName), client, *config)
	if err != nil {
		return nil, fmt.Errorf("secure kubelet: %w", err)
	}
	reload(ctx.Done())

	dependencies := &kubelet.Dependencies{
		Auth:                      auth,
		KubeClient:                client,
		EventClient:               events,
		HeartbeatClient:           heartbeats,
		OnHeartbeatFailure:        func() {},
		RemoteRuntimeService:      o.Runtime,
		RemoteImageService:        o.Images,
		CAdvisorInterface:         machine{root: o.Root},
		ContainerManager:          cm.NewStubContainerManager(),
		OSInterface:               container.RealOS{},
		OOMAdjuster:               oom.NewFakeOOMAdjuster(),
		VolumePlugins:             volumePlugins(),
		Mounter:                   directories{},
		Subpather:                 subpaths{},
		HostUtil:                  hostPaths{hostutil.NewHostUtil()},
		PodStartupLatencyTracker:  kubeletutil.NewPodStartupLatencyTracker(),
		NodeStartupLatencyTracker: kubeletutil.NewNodeStartupLatencyTracker(klog.FromContext(ctx)),
	}
	recordEvents(ctx, dependencies, events, o.NodeName)
	return dependencies, nil
}
