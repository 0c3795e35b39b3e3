//go:build linux

package redis

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// databases is how many a Redis has unless told otherwise.
const databases = 16

// format is raised when entry changes in a way that gob cannot follow.
const format = 1

// snapshot is the file that holds the data: a header, then entries.
type snapshot struct{ path string }

type header struct{ Format int }

// entry is one key. Strings are bytes in Go, and in gob too.
type entry struct {
	Database int
	Key      string
	Expires  time.Time // zero for never
	Type     string    // as the command TYPE has it

	String string
	List   []string // of a list, or the members of a set
	Hash   map[string]string
	Sorted map[string]float64
	Stream []miniredis.StreamEntry
}

// save writes the file, whole or not at all.
func (s snapshot) save(redis *miniredis.Miniredis, now time.Time) error {
	temporary := s.path + ".new"
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriter(file)
	err = write(gob.NewEncoder(buffer), redis, now)
	if err := errors.Join(err, buffer.Flush(), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, s.path)
}

func write(encoder *gob.Encoder, redis *miniredis.Miniredis, now time.Time) error {
	if err := encoder.Encode(header{Format: format}); err != nil {
		return err
	}
	for number := range databases {
		database := redis.DB(number)
		for _, key := range database.Keys() {
			read := entry{Database: number, Key: key}
			// A key may go, or become another type, between the two calls: then
			// the next snapshot has it as it is.
			if err := read.from(database); err != nil || read.Type == "" {
				continue
			}
			if left := database.TTL(key); left > 0 {
				read.Expires = now.Add(left)
			}
			if err := encoder.Encode(read); err != nil {
				return err
			}
		}
	}
	return nil
}

// from reads the key's value. Other types leave Type empty.
func (e *entry) from(database *miniredis.RedisDB) error {
	var err error
	kind := database.Type(e.Key)
	switch kind {
	case "string":
		e.String, err = database.Get(e.Key)
	case "list":
		e.List, err = database.List(e.Key)
	case "set":
		e.List, err = database.Members(e.Key)
	case "hash":
		var fields []string
		fields, err = database.HKeys(e.Key)
		e.Hash = make(map[string]string, len(fields))
		for _, field := range fields {
			e.Hash[field] = database.HGet(e.Key, field)
		}
	case "zset":
		e.Sorted, err = database.SortedSet(e.Key)
	case "stream":
		e.Stream, err = database.Stream(e.Key)
	default:
		return nil
	}
	e.Type = kind
	return err
}

// load reads the file into a server that does not serve yet, and says how many
// keys it had. A missing file is an empty one; a broken one is an error, and
// leaves nothing.
func (s snapshot) load(redis *miniredis.Miniredis, now time.Time) (int, error) {
	file, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	keys, err := read(gob.NewDecoder(bufio.NewReader(file)), redis, now)
	if err != nil {
		redis.FlushAll()
		return 0, fmt.Errorf("read %s: %w", s.path, err)
	}
	return keys, nil
}
