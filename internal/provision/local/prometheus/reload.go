//go:build linux && !slim

package prometheus

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
)

// reload reads the configuration and puts it in force, part by part, in the order
// that Prometheus does: who scrapes before what is to be scraped.
func (p *server) reload() error {
	read, err := config.LoadFile(p.settings.config, false, p.logger)
	if err != nil {
		return fmt.Errorf("read %s: %w", p.settings.config, err)
	}
	if read.StorageConfig.ExemplarsConfig == nil {
		read.StorageConfig.ExemplarsConfig = &config.DefaultExemplarsConfig
	}
	scrapes, err := read.GetScrapeConfigs()
	if err != nil {
		return err
	}
	targets := map[string]discovery.Configs{}
	for _, one := range scrapes {
		targets[one.JobName] = one.ServiceDiscoveryConfigs
	}
	receivers := map[string]discovery.Configs{}
	for name, one := range read.AlertingConfig.AlertmanagerConfigs.ToMap() {
		receivers[name] = one.ServiceDiscoveryConfigs
	}
	files, err := matching(read.RuleFiles)
	if err != nil {
		return err
	}
	return errors.Join(
		p.store.ApplyConfig(read),
		p.web.ApplyConfig(read),
		p.scraper.ApplyConfig(read),
		p.scrapeTargets.ApplyConfig(targets),
		p.notifier.ApplyConfig(read),
		p.alertReceivers.ApplyConfig(receivers),
		p.rules.Update(time.Duration(read.GlobalConfig.EvaluationInterval), files, read.GlobalConfig.ExternalLabels, p.external.String(), nil),
	)
}

func matching(patterns []string) ([]string, error) {
	var files []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("find rule files %s: %w", pattern, err)
		}
		files = append(files, found...)
	}
	return files, nil
}
