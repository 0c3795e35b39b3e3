//go:build linux && !slim

package rollouts

import (
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/argoproj/argo-rollouts/analysis"
	"github.com/argoproj/argo-rollouts/controller"
	"github.com/argoproj/argo-rollouts/controller/metrics"
	"github.com/argoproj/argo-rollouts/experiments"
	"github.com/argoproj/argo-rollouts/ingress"
	rolloutscheme "github.com/argoproj/argo-rollouts/pkg/client/clientset/versioned/scheme"
	"github.com/argoproj/argo-rollouts/rollout"
	"github.com/argoproj/argo-rollouts/service"
	rolloutsconfig "github.com/argoproj/argo-rollouts/utils/config"
	"github.com/argoproj/argo-rollouts/utils/defaults"
	ingressutil "github.com/argoproj/argo-rollouts/utils/ingress"
	istioutil "github.com/argoproj/argo-rollouts/utils/istio"
	"github.com/argoproj/argo-rollouts/utils/queue"
	"github.com/argoproj/argo-rollouts/utils/record"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
)

// controllers are Argo Rollouts', put together as its own manager does. That one
// serves metrics and health on every address of the machine, and only there; and
// it sends notifications, which nothing here asks for.
type controllers struct {
	settings settings
	clients  clients
	watches  watches

	rollout    *rollout.Controller
	experiment *experiments.Controller
	analysis   *analysis.Controller
	service    *service.Controller
	ingress    *ingress.Controller

	queues  queues
	servers []*http.Server
}

// queues hold what is to be looked at, by kind.
type queues struct {
	rollouts, experiments, analyses, services, ingresses workqueue.RateLimitingInterface //nolint:staticcheck // what the controllers take
}

func newQueues() queues {
	named := func(name string) workqueue.RateLimitingInterface { //nolint:staticcheck // see above
		return workqueue.NewNamedRateLimitingQueue(queue.DefaultArgoRolloutsRateLimiter(), name)
	}
	return queues{named("Rollouts"), named("Experiments"), named("AnalysisRuns"), named("Services"), named("Ingresses")}
}

func (q queues) shutDown() {
	q.services.ShutDownWithDrain()
	q.ingresses.ShutDownWithDrain()
	q.rollouts.ShutDownWithDrain()
	q.experiments.ShutDownWithDrain()
	q.analyses.ShutDownWithDrain()
}

func assemble(config *rest.Config, s settings, address string) (*controllers, error) {
	clients, err := connect(config, s)
	if err != nil {
		return nil, err
	}
	discovered, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	if err := rolloutscheme.AddToScheme(scheme.Scheme); err != nil {
		return nil, err
	}
	c := &controllers{settings: s, clients: clients, queues: newQueues(), watches: newWatches(clients, s)}
	if _, err := rolloutsconfig.InitializeConfig(clients.kubernetes, defaults.DefaultRolloutsConfigMapName); err != nil {
		return nil, err
	}
	mode, err := ingressutil.DetermineIngressMode("", clients.kubernetes.Discovery())
	if err != nil {
		return nil, err
	}
	ingresses, err := ingressutil.NewIngressWrapper(mode, clients.kubernetes, c.watches.objects)
	if err != nil {
		return nil, err
	}
	c.watches.ingressesSynced = ingresses.HasSynced
	w, resync := c.watches, time.Duration(s.resync)*time.Second
	measured := metrics.NewMetricsServer(metrics.ServerConfig{
		Addr:          net.JoinHostPort(address, strconv.Itoa(s.metricsPort)),
		RolloutLister: w.rollouts.Lister(), AnalysisRunLister: w.analyses.Lister(), AnalysisTemplateLister: w.templates.Lister(),
		ClusterAnalysisTemplateLister: w.clusterTemplates.Lister(), ExperimentLister: w.experiments.Lister(), K8SRequestProvider: clients.requests,
	})
	c.servers = []*http.Server{measured.Server, controller.NewHealthzServer(net.JoinHostPort(address, strconv.Itoa(s.healthPort)))}
	recorder := record.NewEventRecorder(clients.kubernetes, metrics.MetricRolloutEventsTotal, metrics.MetricNotificationFailedTotal,
		metrics.MetricNotificationSuccessTotal, metrics.MetricNotificationSend, nil)
	replicaSets, services := w.replicaSets.Apps().V1().ReplicaSets(), w.objects.Core().V1().Services()
	jobs, jobPods := w.jobs.Batch().V1().Jobs(), w.jobs.Core().V1().Pods()

	c.rollout = rollout.NewController(rollout.ControllerConfig{
		Namespace: clients.namespace, KubeClientSet: clients.kubernetes, ArgoProjClientset: clients.rollouts, DynamicClientSet: clients.dynamic,
		RefResolver:  rollout.NewInformerBasedWorkloadRefResolver(clients.namespace, clients.dynamic, discovered, clients.rollouts, w.rollouts.Informer()),
		SmiClientSet: clients.meshes, ExperimentInformer: w.experiments, AnalysisRunInformer: w.analyses,
		AnalysisTemplateInformer: w.templates, ClusterAnalysisTemplateInformer: w.clusterTemplates,
		IstioPrimaryDynamicClient:    clients.dynamic,
		IstioVirtualServiceInformer:  w.meshes.ForResource(istioutil.GetIstioVirtualServiceGVR()).Informer(),
		IstioDestinationRuleInformer: w.meshes.ForResource(istioutil.GetIstioDestinationRuleGVR()).Informer(),
		ReplicaSetInformer:           replicaSets, ServicesInformer: services, IngressWrapper: ingresses, RolloutsInformer: w.rollouts,
		ResyncPeriod: resync, RolloutWorkQueue: c.queues.rollouts, ServiceWorkQueue: c.queues.services, IngressWorkQueue: c.queues.ingresses,
		MetricsServer: measured, Recorder: recorder,
		EphemeralMetadataThreads: rollout.DefaultEphemeralMetadataThreads, EphemeralMetadataPodRetries: rollout.DefaultEphemeralMetadataPodRetries,
	})
	c.experiment = experiments.NewController(experiments.ControllerConfig{
		KubeClientSet: clients.kubernetes, ArgoProjClientset: clients.rollouts, ReplicaSetInformer: replicaSets,
		ExperimentsInformer: w.experiments, AnalysisRunInformer: w.analyses, AnalysisTemplateInformer: w.templates,
		ClusterAnalysisTemplateInformer: w.clusterTemplates, ServiceInformer: services, ResyncPeriod: resync,
		RolloutWorkQueue: c.queues.rollouts, ExperimentWorkQueue: c.queues.experiments, MetricsServer: measured, Recorder: recorder,
	})
	c.analysis = analysis.NewController(analysis.ControllerConfig{
		KubeClientSet: clients.kubernetes, ArgoProjClientset: clients.rollouts, AnalysisRunInformer: w.analyses,
		JobInformer: jobs, JobPodsInformer: jobPods, ResyncPeriod: resync, AnalysisRunWorkQueue: c.queues.analyses,
		MetricsServer: measured, Recorder: recorder,
	})
	c.service = service.NewController(service.ControllerConfig{
		Kubeclientset: clients.kubernetes, Argoprojclientset: clients.rollouts, RolloutsInformer: w.rollouts, ServicesInformer: services,
		RolloutWorkqueue: c.queues.rollouts, ServiceWorkqueue: c.queues.services, ResyncPeriod: resync, MetricsServer: measured,
	})
	c.ingress = ingress.NewController(ingress.ControllerConfig{
		Client: clients.kubernetes, IngressWrap: ingresses, IngressWorkQueue: c.queues.ingresses, RolloutsInformer: w.rollouts,
		RolloutWorkQueue: c.queues.rollouts, MetricsServer: measured, ALBClasses: s.albClasses, NGINXClasses: s.nginxClasses,
	})
	return c, nil
}
