// Modules that are taken for the manifests in them, not for their code.
module github.com/pocctl/pocctl/tools/manifests

go 1.26.8

require (
	github.com/prometheus-operator/prometheus-operator v0.85.0 // indirect
	github.com/swaggo/files/v2 v2.0.2 // indirect
)
