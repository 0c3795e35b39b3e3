//go:build linux && !slim

package prometheus

import (
	"time"

	"github.com/prometheus/prometheus/tsdb"
)

// store is the database as the HTTP API wants to see it.
type store struct{ *tsdb.DB }

// StartTime implements storage.Storage: when the oldest sample may be from, in ms.
func (s *store) StartTime() (int64, error) {
	if blocks := s.Blocks(); len(blocks) > 0 {
		return blocks[0].Meta().MinTime, nil
	}
	return time.Now().UnixMilli(), nil
}

// Stats implements the API's TSDBAdminStats.
func (s *store) Stats(label string, limit int) (*tsdb.Stats, error) {
	return s.Head().Stats(label, limit), nil
}

// WALReplayStatus implements the same: it is done before the API is served.
func (s *store) WALReplayStatus() (tsdb.WALReplayStatus, error) { return tsdb.WALReplayStatus{}, nil }

// BlockMetas implements the same.
func (s *store) BlockMetas() ([]tsdb.BlockMeta, error) { return s.DB.BlockMetas(), nil }
