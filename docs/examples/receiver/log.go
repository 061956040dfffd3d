package main

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/allegro-p2p/allegro/client/orders"
)

// orderLog is the shop's book: a line for each message, never changed. A line is what hands
// over the goods, or takes them back: whatever acts on orders follows the file.
type orderLog struct {
	mu   sync.Mutex // guards everything below
	file *os.File
	has  map[string]bool // by message id: tx id and kind
}

// openLog reads what an earlier run has noted. A line that a crash has torn was not
// acknowledged, so that its message comes again: it is cut off.
func openLog(path string) (_ *orderLog, err error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	l := &orderLog{has: make(map[string]bool)}
	for line := range strings.Lines(string(whole)) {
		l.has[strings.Fields(line)[0]] = true
	}
	if l.file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	// What an earlier run has written and not synced is no reason to acknowledge it now. A new
	// file is there after a crash once its folder is synced.
	return l, errors.Join(l.file.Truncate(int64(len(whole))), l.file.Sync(), folder.Sync(), folder.Close())
}

// note makes a message durable, and reports false for one that is known. What the disk does
// not take ends the program: after the next start it is told again.
func (l *orderLog) note(d *orders.Document) (isNew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.has[d.MessageID] {
		return false
	}
	_, err := fmt.Fprintln(l.file, d.MessageID, d.Payer, d.Asset, d.Amount, verdictOf(d), d.Note)
	if err = errors.Join(err, l.file.Sync()); err != nil {
		log.Fatal("receiver: noting an order: ", err)
	}
	l.has[d.MessageID] = true
	return true
}

// verdictOf says how the payment compares with what was asked for; none: nothing was. The
// QC does not prove it, so that it may be any text: in the log stands one of these words.
func verdictOf(d *orders.Document) orders.Verdict {
	if d.Request != nil {
		switch v := d.Request.Verdict; v {
		case orders.Exact, orders.Under, orders.Over, orders.Double, orders.WrongAsset:
			return v
		}
	}
	return "none"
}
