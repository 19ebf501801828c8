package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

const echoProtocol = "/interop/echo/1.0.0"

// options are what a test decides about the node.
type options struct {
	Seed   string   `json:"seed"`
	Listen []string `json:"listen"`
	// Key is the type of the host key: Ed25519, as devices have it, unless it says another one.
	Key string `json:"key"`
	// Plain is a host as go-libp2p makes it by itself, with all it knows.
	Plain bool `json:"plain"`
	Relay bool `json:"relay"`
	// Lenient is a node that stores and publishes what no DChat node would.
	Lenient bool `json:"lenient"`
	// SmallMesh is a node that takes two others into its mesh and no more.
	SmallMesh bool `json:"small_mesh"`
}

type node struct {
	host    host.Host
	dht     *dht.IpfsDHT
	pubsub  *pubsub.PubSub
	topics  map[string]*pubsub.Topic
	rooms   map[string]*room
	records recordKeys
	out     *voice
}

// newNode makes a node as docs/interoperation.md says that one has to be made.
func newNode(ctx context.Context, options options, out *voice) (*node, error) {
	seed, err := hex.DecodeString(options.Seed)
	if err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	key, err := hostKey(options.Key, private)
	if err != nil {
		return nil, err
	}
	settings := []libp2p.Option{
		libp2p.Identity(key),
		libp2p.ListenAddrStrings(options.Listen...),
		libp2p.DisableMetrics(),
	}
	if !options.Plain {
		settings = append(settings,
			libp2p.Transport(tcp.NewTCPTransport),
			libp2p.Security(noise.ID, noise.New),
			libp2p.Muxer(yamux.ID, yamux.DefaultTransport))
	}
	if options.Relay {
		settings = append(settings,
			libp2p.EnableRelayService(relay.WithInfiniteLimits()), libp2p.ForceReachabilityPublic())
	}
	host, err := libp2p.New(settings...)
	if err != nil {
		return nil, err
	}
	n := &node{
		host: host, topics: map[string]*pubsub.Topic{}, rooms: map[string]*room{},
		records: recordKeys{private}, out: out,
	}
	host.SetStreamHandler(echoProtocol, echo)
	host.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(_ network.Network, c network.Conn) {
			out.say(fields{"event": "connected", "peer": c.RemotePeer(), "address": c.RemoteMultiaddr().String()})
		},
		DisconnectedF: func(net network.Network, c network.Conn) {
			if net.Connectedness(c.RemotePeer()) == network.NotConnected {
				out.say(fields{"event": "disconnected", "peer": c.RemotePeer()})
			}
		},
	})
	return n, n.join(ctx, options)
}

func hostKey(kind string, device ed25519.PrivateKey) (key crypto.PrivKey, err error) {
	switch kind {
	case "RSA":
		key, _, err = crypto.GenerateKeyPair(crypto.RSA, 2048)
	case "secp256k1":
		key, _, err = crypto.GenerateKeyPair(crypto.Secp256k1, 0)
	default:
		key, err = crypto.UnmarshalEd25519PrivateKey(device)
	}
	return key, err
}

// join takes part in the DHT and in gossip.
func (n *node) join(ctx context.Context, options options) (err error) {
	var validator record.Validator = recordValidator{}
	gossip := []pubsub.Option{
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),
	}
	if options.Lenient {
		validator, gossip = anyValue{}, nil
	}
	if options.SmallMesh {
		mesh := pubsub.DefaultGossipSubParams()
		mesh.D, mesh.Dlo, mesh.Dhi, mesh.Dout, mesh.Dscore = 2, 2, 2, 0, 0
		gossip = append(gossip, pubsub.WithGossipSubParams(mesh))
	}
	n.dht, err = dht.New(ctx, n.host,
		dht.ProtocolPrefix("/dchat"),
		dht.Mode(dht.ModeServer),
		dht.NamespacedValidator("dchat", validator),
	)
	if err != nil {
		return err
	}
	n.pubsub, err = pubsub.NewGossipSub(ctx, n.host, gossip...)
	return err
}

func messageID(message *pb.Message) string {
	id := sha256.Sum256(message.GetData())
	return string(id[:])
}

func (n *node) addresses() []string {
	own := "/p2p/" + n.host.ID().String()
	found := []string{}
	for _, address := range n.host.Addrs() {
		found = append(found, address.String()+own)
	}
	return found
}

func echo(stream network.Stream) {
	if _, err := io.Copy(stream, stream); err != nil {
		stream.Reset()
		return
	}
	stream.Close()
}
