//go:build linux && !slim

package rollouts

import (
	"time"

	jobprovider "github.com/argoproj/argo-rollouts/metricproviders/job"
	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	argoinformers "github.com/argoproj/argo-rollouts/pkg/client/informers/externalversions/rollouts/v1alpha1"
	controllerutil "github.com/argoproj/argo-rollouts/utils/controller"
	"github.com/argoproj/argo-rollouts/utils/tolerantinformer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// watches are the objects that the controllers follow.
type watches struct {
	objects, replicaSets, jobs informers.SharedInformerFactory
	own, clusterOwn, meshes    dynamicinformer.DynamicSharedInformerFactory

	rollouts         argoinformers.RolloutInformer
	experiments      argoinformers.ExperimentInformer
	analyses         argoinformers.AnalysisRunInformer
	templates        argoinformers.AnalysisTemplateInformer
	clusterTemplates argoinformers.ClusterAnalysisTemplateInformer

	ingressesSynced func() bool
}

func newWatches(c clients, s settings) watches {
	resync := time.Duration(s.resync) * time.Second
	labelled := func(label string) informers.SharedInformerFactory {
		return informers.NewSharedInformerFactoryWithOptions(c.kubernetes, resync, informers.WithNamespace(c.namespace),
			informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = label }))
	}
	instance := controllerutil.InstanceIDRequirement(s.instance)
	ours := func(options *metav1.ListOptions) { options.LabelSelector = instance.String() }
	w := watches{
		objects:     labelled(""),
		replicaSets: labelled(v1alpha1.DefaultRolloutUniqueLabelKey),
		jobs:        labelled(jobprovider.AnalysisRunUIDLabelKey),
		own:         dynamicinformer.NewFilteredDynamicSharedInformerFactory(c.dynamic, resync, c.namespace, ours),
		clusterOwn:  dynamicinformer.NewFilteredDynamicSharedInformerFactory(c.dynamic, resync, metav1.NamespaceAll, ours),
		// Made, since the controller takes it, and never started: there is no Istio.
		meshes: dynamicinformer.NewFilteredDynamicSharedInformerFactory(c.dynamic, resync, c.namespace, nil),
	}
	w.rollouts = tolerantinformer.NewTolerantRolloutInformer(w.own)
	w.experiments = tolerantinformer.NewTolerantExperimentInformer(w.own)
	w.analyses = tolerantinformer.NewTolerantAnalysisRunInformer(w.own)
	w.templates = tolerantinformer.NewTolerantAnalysisTemplateInformer(w.own)
	w.clusterTemplates = tolerantinformer.NewTolerantClusterAnalysisTemplateInformer(w.clusterOwn)
	return w
}

// start follows everything, and gives what says that all of it has been read once.
func (w watches) start(stop <-chan struct{}, everywhere bool) []cache.InformerSynced {
	synced := []cache.InformerSynced{
		w.objects.Core().V1().Services().Informer().HasSynced, w.ingressesSynced,
		w.replicaSets.Apps().V1().ReplicaSets().Informer().HasSynced,
		w.jobs.Batch().V1().Jobs().Informer().HasSynced, w.jobs.Core().V1().Pods().Informer().HasSynced,
		w.rollouts.Informer().HasSynced, w.experiments.Informer().HasSynced,
		w.analyses.Informer().HasSynced, w.templates.Informer().HasSynced,
	}
	w.own.Start(stop)
	if everywhere {
		w.clusterOwn.Start(stop)
		synced = append(synced, w.clusterTemplates.Informer().HasSynced)
	}
	w.objects.Start(stop)
	w.replicaSets.Start(stop)
	w.jobs.Start(stop)
	return synced
}
