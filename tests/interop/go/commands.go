package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"time"

	"github.com/ipfs/go-cid"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/host/autonat"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multihash"
)

// args are the arguments of all commands; each takes those it needs. Bytes are hexadecimal.
type args struct {
	Address   string   `json:"address"`
	Addresses []string `json:"addresses"`
	Account   string   `json:"account"`
	Data      string   `json:"data"`
	Key       string   `json:"key"`
	Name      string   `json:"name"`
	Peer      peer.ID  `json:"peer"`
	Seq       uint64   `json:"seq"`
	Room      string   `json:"room"`
	Size      int      `json:"size"`
	Text      string   `json:"text"`
	Topic     string   `json:"topic"`
	Value     string   `json:"value"`
}

type command func(*node, context.Context, args) (any, error)

var commands = map[string]command{
	"connect":        (*node).connect,
	"disconnect":     (*node).disconnect,
	"identify":       (*node).identify,
	"ping":           (*node).ping,
	"echo":           (*node).echo,
	"find_peer":      (*node).findPeer,
	"put_value":      (*node).putValue,
	"get_value":      (*node).getValue,
	"provide":        (*node).provide,
	"find_providers": (*node).findProviders,
	"bundle":         (*node).bundle,
	"account":        (*node).account,
	"read_record":    (*node).readRecord,
	"subscribe":      (*node).subscribe,
	"members":        (*node).members,
	"publish":        (*node).publish,
	"reserve":        (*node).reserve,
	"dial_back":      (*node).dialBack,
	"table":          (*node).table,
	"room":           (*node).room,
	"write":          (*node).write,
	"read":           (*node).read,
}

// Connections and streams

func (n *node) connect(ctx context.Context, a args) (any, error) {
	info, err := peer.AddrInfoFromString(a.Address)
	if err != nil {
		return nil, err
	}
	return info.ID, n.host.Connect(ctx, *info)
}

func (n *node) disconnect(_ context.Context, a args) (any, error) {
	return nil, n.host.Network().ClosePeer(a.Peer)
}

// identify answers what the peer has said of itself so far.
func (n *node) identify(_ context.Context, a args) (any, error) {
	store := n.host.Peerstore()
	protocols, err := store.GetProtocols(a.Peer)
	if err != nil {
		return nil, err
	}
	agent, err := store.Get(a.Peer, "AgentVersion")
	if err != nil && !errors.Is(err, peerstore.ErrNotFound) {
		return nil, err
	}
	return fields{"agent": agent, "protocols": protocols, "addresses": texts(store.Addrs(a.Peer))}, nil
}

func (n *node) ping(ctx context.Context, a args) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result := <-ping.Ping(ctx, n.host, a.Peer)
	return result.RTT.Milliseconds(), result.Error
}

// echo sends so many bytes, reads what comes back meanwhile, and answers both hashes.
func (n *node) echo(ctx context.Context, a args) (any, error) {
	stream, err := n.host.NewStream(network.WithAllowLimitedConn(ctx, "interop"), a.Peer, echoProtocol)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	sent := make([]byte, a.Size)
	rand.New(rand.NewSource(1)).Read(sent)
	written := make(chan error, 1)
	go func() {
		if _, err := io.Copy(stream, bytes.NewReader(sent)); err != nil {
			written <- err
			return
		}
		written <- stream.CloseWrite()
	}()
	received := sha256.New()
	size, err := io.Copy(received, stream)
	if err != nil {
		return nil, err
	}
	expected := sha256.Sum256(sent)
	return fields{"size": size, "is_intact": bytes.Equal(received.Sum(nil), expected[:])}, <-written
}

// The DHT

func (n *node) table(context.Context, args) (any, error) {
	return n.dht.RoutingTable().ListPeers(), nil
}

func (n *node) findPeer(ctx context.Context, a args) (any, error) {
	info, err := n.dht.FindPeer(ctx, a.Peer)
	return texts(info.Addrs), err
}

func (n *node) putValue(ctx context.Context, a args) (any, error) {
	key, value, err := unhexPair(a.Key, a.Value)
	if err != nil {
		return nil, err
	}
	return nil, n.dht.PutValue(ctx, string(key), value)
}

func (n *node) getValue(ctx context.Context, a args) (any, error) {
	key, err := hex.DecodeString(a.Key)
	if err != nil {
		return nil, err
	}
	value, err := n.dht.GetValue(ctx, string(key))
	return hex.EncodeToString(value), err
}

func (n *node) provide(ctx context.Context, a args) (any, error) {
	id, err := contentID(a.Data)
	if err != nil {
		return nil, err
	}
	return hex.EncodeToString(id.Hash()), n.dht.Provide(ctx, id, true)
}

func (n *node) findProviders(ctx context.Context, a args) (any, error) {
	id, err := contentID(a.Data)
	if err != nil {
		return nil, err
	}
	providers, err := n.dht.FindProviders(ctx, id)
	found := []peer.ID{}
	for _, provider := range providers {
		found = append(found, provider.ID)
	}
	return found, err
}

// Records, made and verified as docs/protocols/kad.md has them

func (n *node) bundle(_ context.Context, a args) (any, error) {
	key, value := n.records.bundle(a.Addresses, a.Seq)
	return fields{"key": hex.EncodeToString(key), "value": hex.EncodeToString(value)}, nil
}

func (n *node) account(_ context.Context, a args) (any, error) {
	seed, err := hex.DecodeString(a.Account)
	if err != nil {
		return nil, err
	}
	key, value := n.records.account(seed, a.Seq)
	return fields{"key": hex.EncodeToString(key), "value": hex.EncodeToString(value)}, nil
}

func (n *node) readRecord(_ context.Context, a args) (any, error) {
	key, value, err := unhexPair(a.Key, a.Value)
	if err != nil {
		return nil, err
	}
	found, err := readRecord(key, value, time.Now().UnixMilli())
	return found, err
}

// Gossip

// How many messages may wait for hear: what comes while they do, go-libp2p-pubsub drops without a
// word, and its own 32 are fewer than a burst.
const unheardMax = 1024

func (n *node) subscribe(ctx context.Context, a args) (any, error) {
	topic, err := n.pubsub.Join(a.Topic)
	if err != nil {
		return nil, err
	}
	subscription, err := topic.Subscribe(pubsub.WithBufferSize(unheardMax))
	if err != nil {
		return nil, err
	}
	n.topics[a.Topic] = topic
	go n.hear(subscription)
	return nil, nil
}

func (n *node) hear(subscription *pubsub.Subscription) {
	for {
		message, err := subscription.Next(context.Background())
		if err != nil {
			return
		}
		if message.ReceivedFrom != n.host.ID() {
			n.out.say(fields{"event": "gossip", "topic": subscription.Topic(), "data": hex.EncodeToString(message.Data)})
		}
	}
}

func (n *node) members(_ context.Context, a args) (any, error) {
	return n.pubsub.ListPeers(a.Topic), nil
}

func (n *node) publish(ctx context.Context, a args) (any, error) {
	data, err := hex.DecodeString(a.Data)
	if err != nil {
		return nil, err
	}
	topic, known := n.topics[a.Topic]
	if !known {
		return nil, fmt.Errorf("not subscribed to %s", a.Topic)
	}
	return nil, topic.Publish(ctx, data)
}

// Open rooms, as docs/protocols/rooms.md has them

// room answers its topic.
func (n *node) room(_ context.Context, a args) (any, error) {
	n.rooms[a.Room] = newRoom(a.Room)
	return n.rooms[a.Room].topic, nil
}

// write answers a blob to publish.
func (n *node) write(_ context.Context, a args) (any, error) {
	seed, err := hex.DecodeString(a.Account)
	if err != nil {
		return nil, err
	}
	blob, err := n.rooms[a.Room].write(ed25519.NewKeyFromSeed(seed), n.records.device, a.Name, a.Text)
	return hex.EncodeToString(blob), err
}

// read answers what is said in a blob.
func (n *node) read(_ context.Context, a args) (any, error) {
	blob, err := hex.DecodeString(a.Data)
	if err != nil {
		return nil, err
	}
	return n.rooms[a.Room].read(blob)
}

// Relaying

// reserve holds a place at a relay and answers the addresses through which others reach us.
func (n *node) reserve(ctx context.Context, a args) (any, error) {
	info, err := peer.AddrInfoFromString(a.Address)
	if err != nil {
		return nil, err
	}
	n.host.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.PermanentAddrTTL)
	reservation, err := client.Reserve(ctx, n.host, *info)
	if err != nil {
		return nil, err
	}
	circuit := a.Address + "/p2p-circuit/p2p/" + n.host.ID().String()
	return fields{
		"addresses":   []string{circuit},
		"told":        texts(reservation.Addrs),
		"seconds":     int(time.Until(reservation.Expiration).Seconds()),
		"has_voucher": reservation.Voucher != nil,
	}, nil
}

// dialBack lets a peer try whether we can be dialled.
func (n *node) dialBack(ctx context.Context, a args) (any, error) {
	return nil, autonat.NewAutoNATClient(n.host, nil, nil).DialBack(ctx, a.Peer)
}

func texts(addresses []ma.Multiaddr) []string {
	found := []string{}
	for _, address := range addresses {
		found = append(found, address.String())
	}
	return found
}

func contentID(data string) (cid.Cid, error) {
	content, err := hex.DecodeString(data)
	if err != nil {
		return cid.Undef, err
	}
	hash, err := multihash.Sum(content, multihash.SHA2_256, -1)
	return cid.NewCidV1(cid.Raw, hash), err
}

func unhexPair(first, second string) ([]byte, []byte, error) {
	one, err := hex.DecodeString(first)
	if err != nil {
		return nil, nil, err
	}
	other, err := hex.DecodeString(second)
	return one, other, err
}
