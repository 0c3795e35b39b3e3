// Package objects gives metrics of the cluster's objects by the names of
// kube-state-metrics, which the local environment doesn't have: those that alerts
// and dashboards are written for.
package objects

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	batchlisters "k8s.io/client-go/listers/batch/v1"
)

// CronJobs is a prometheus.Collector of when CronJobs ran, and ran well.
type CronJobs struct {
	lister                                batchlisters.CronJobLister
	created, lastScheduled, lastSucceeded *prometheus.Desc
}

var _ prometheus.Collector = (*CronJobs)(nil)

// New asks the factory, which its owner starts, for CronJobs.
func New(factory informers.SharedInformerFactory) *CronJobs {
	cronJobs := factory.Batch().V1().CronJobs()
	cronJobs.Informer() // asked for, so that it is started
	describe := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("kube_cronjob_"+name, help, []string{"namespace", "cronjob"}, nil)
	}
	return &CronJobs{
		lister:        cronJobs.Lister(),
		created:       describe("created", "When the CronJob was made, in seconds since 1970."),
		lastScheduled: describe("status_last_schedule_time", "When a run of it was last begun, in seconds since 1970."),
		lastSucceeded: describe("status_last_successful_time", "When a run of it last ended well, in seconds since 1970."),
	}
}

// Describe implements prometheus.Collector.
func (c *CronJobs) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- c.created
	descriptions <- c.lastScheduled
	descriptions <- c.lastSucceeded
}

// Collect implements prometheus.Collector. What hasn't happened has no series.
func (c *CronJobs) Collect(metrics chan<- prometheus.Metric) {
	all, err := c.lister.List(labels.Everything())
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(c.created, fmt.Errorf("list CronJobs: %w", err))
		return
	}
	for _, one := range all {
		c.collect(one, metrics)
	}
}

func (c *CronJobs) collect(one *batchv1.CronJob, metrics chan<- prometheus.Metric) {
	at := func(desc *prometheus.Desc, seconds int64) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(seconds), one.Namespace, one.Name)
	}
	at(c.created, one.CreationTimestamp.Unix())
	if last := one.Status.LastScheduleTime; last != nil {
		at(c.lastScheduled, last.Unix())
	}
	if last := one.Status.LastSuccessfulTime; last != nil {
		at(c.lastSucceeded, last.Unix())
	}
}
