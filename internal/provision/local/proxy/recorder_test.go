package proxy

import "k8s.io/client-go/tools/record"

var _ Recorder = record.EventRecorder(nil)
