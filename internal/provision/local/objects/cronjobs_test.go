package objects_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/pocctl/pocctl/internal/provision/local/objects"
)

func TestCronJobs(t *testing.T) {
	at := func(seconds int64) *metav1.Time { return &metav1.Time{Time: time.Unix(seconds, 0)} }
	named := func(name string, status batchv1.CronJobStatus) *batchv1.CronJob {
		return &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: *at(1000)}, Status: status}
	}
	factory := informers.NewSharedInformerFactory(fake.NewClientset(
		named("fresh", batchv1.CronJobStatus{}),
		named("smoke", batchv1.CronJobStatus{LastScheduleTime: at(1300), LastSuccessfulTime: at(1010)}),
	), 0)
	collector := objects.New(factory)
	factory.Start(t.Context().Done())
	factory.WaitForCacheSync(t.Context().Done())
	t.Cleanup(factory.Shutdown)
	want := `# HELP kube_cronjob_created When the CronJob was made, in seconds since 1970.
# TYPE kube_cronjob_created gauge
kube_cronjob_created{cronjob="fresh",namespace="shop"} 1000
kube_cronjob_created{cronjob="smoke",namespace="shop"} 1000
# HELP kube_cronjob_status_last_schedule_time When a run of it was last begun, in seconds since 1970.
# TYPE kube_cronjob_status_last_schedule_time gauge
kube_cronjob_status_last_schedule_time{cronjob="smoke",namespace="shop"} 1300
# HELP kube_cronjob_status_last_successful_time When a run of it last ended well, in seconds since 1970.
# TYPE kube_cronjob_status_last_successful_time gauge
kube_cronjob_status_last_successful_time{cronjob="smoke",namespace="shop"} 1010
`
	if err := testutil.CollectAndCompare(collector, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
