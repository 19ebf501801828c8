// A go-libp2p node as the other side of the interoperation tests.
//
// It is given one JSON object with its options as its only argument, and takes commands as JSON
// lines on standard input: {"id": 1, "do": "ping", "args": {"peer": "12D3..."}}. Each is answered by
// {"id": 1, "result": ...} or {"id": 1, "error": "..."}; what happens meanwhile is told as
// {"event": "gossip", ...}. It ends when its standard input does. The JavaScript program beside it
// understands the same.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// commandTimeout is longer than anything a test waits for.
const commandTimeout = 30 * time.Second

type fields map[string]any

// voice writes one JSON object a line, from any goroutine.
type voice struct {
	mutex   sync.Mutex
	encoder *json.Encoder
}

func (v *voice) say(what fields) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if err := v.encoder.Encode(what); err != nil {
		os.Exit(1) // nobody reads any more
	}
}

type request struct {
	ID   int             `json:"id"`
	Do   string          `json:"do"`
	Args json.RawMessage `json:"args"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var options options
	if err := json.Unmarshal([]byte(os.Args[1]), &options); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := &voice{encoder: json.NewEncoder(os.Stdout)}
	node, err := newNode(ctx, options, out)
	if err != nil {
		return err
	}
	defer node.host.Close()
	out.say(fields{"event": "ready", "peer": node.host.ID(), "addresses": node.addresses()})
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var asked request
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			return err
		}
		go node.serve(ctx, asked, out)
	}
	return in.Err()
}

func (n *node) serve(ctx context.Context, asked request, out *voice) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	command, known := commands[asked.Do]
	if !known {
		out.say(fields{"id": asked.ID, "error": "no such command: " + asked.Do})
		return
	}
	var args args
	if err := json.Unmarshal(asked.Args, &args); err != nil {
		out.say(fields{"id": asked.ID, "error": err.Error()})
		return
	}
	result, err := command(n, ctx, args)
	if err != nil {
		out.say(fields{"id": asked.ID, "error": err.Error()})
		return
	}
	out.say(fields{"id": asked.ID, "result": result})
}
