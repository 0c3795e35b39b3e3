//go:build linux && !slim

package kubernetes

import (
	"context"
	"os"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	corev1 "k8s.io/api/core/v1"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/kubelet"
)

// recordEvents gives the kubelet its recorder.
//
// A kubelet that may not read the kernel's log (/dev/kmsg, which many machines
// keep from ordinary users) refuses to start, since it would miss what the kernel
// kills for memory; it goes without only if its recorder is client-go's fake. So
// there the fake stands in until that point is passed: the next thing that the
// kubelet asks of its dependencies is a tracer, and then it gets the real one.
func recordEvents(ctx context.Context, dependencies *kubelet.Dependencies, events typedcore.EventsGetter, node string) {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	recorder := broadcaster.NewRecorder(legacyscheme.Scheme, corev1.EventSource{Component: "kubelet", Host: node})
	broadcaster.StartRecordingToSink(&typedcore.EventSinkImpl{Interface: events.Events("")})

	dependencies.Recorder = recorder
	dependencies.TracerProvider = noop.NewTracerProvider()
	if kernelLog, err := os.Open("/dev/kmsg"); err == nil {
		_ = kernelLog.Close()
		return
	}
	dependencies.Recorder = &record.FakeRecorder{}
	dependencies.TracerProvider = &onceAsked{
		TracerProvider: dependencies.TracerProvider,
		then:           func() { dependencies.Recorder = recorder },
	}
}

// onceAsked calls then when it is first asked for a tracer.
type onceAsked struct {
	trace.TracerProvider
	then func()
}

func (o *onceAsked) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	if o.then != nil {
		o.then()
		o.then = nil
	}
	return o.TracerProvider.Tracer(name, options...)
}
