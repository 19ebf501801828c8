// The node, made as docs/interoperation.md says that one has to be made.
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { gossipsub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import { selectRecord, validateRecord } from './records.mjs'

export const ECHO = '/interop/echo/1.0.0'

// Takes two others into its mesh and no more.
const SMALL_MESH = { D: 2, Dlo: 2, Dhi: 2, Dout: 0, Dscore: 0, floodPublish: false }

// A lenient node stores and publishes what no DChat node would.
export async function createNode ({ seed, listen, key, relay, lenient, small_mesh: smallMesh }, say) {
  const node = await createLibp2p({
    privateKey: key == null
      ? await generateKeyPairFromSeed('Ed25519', Buffer.from(seed, 'hex'))
      : await generateKeyPair(key),
    addresses: { listen },
    transports: [tcp(), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      dht: kadDHT({
        protocol: '/dchat/kad/1.0.0',
        clientMode: false,
        peerInfoMapper: passthroughMapper,
        validators: { dchat: lenient ? () => {} : validateRecord },
        selectors: { dchat: lenient ? () => 0 : selectRecord }
      }),
      pubsub: gossipsub({
        globalSignaturePolicy: lenient ? 'StrictSign' : 'StrictNoSign',
        ...(smallMesh ? SMALL_MESH : {})
      }),
      ...(relay ? { relay: circuitRelayServer({ reservations: { applyDefaultLimit: false } }) } : {})
    }
  })
  // Told in words of its own: a peer is up until its last connection has closed.
  node.addEventListener('connection:open', ({ detail }) =>
    say({ event: 'connected', peer: detail.remotePeer.toString(), address: detail.remoteAddr.toString() }))
  node.addEventListener('peer:disconnect', ({ detail }) =>
    say({ event: 'disconnected', peer: detail.toString() }))
  node.services.pubsub.addEventListener('message', ({ detail: { topic, data } }) =>
    say({ event: 'gossip', topic, data: Buffer.from(data).toString('hex') }))
  await node.handle(ECHO, echo, { runOnLimitedConnection: true })
  return node
}

async function echo (stream) {
  for await (const chunk of stream) {
    if (!stream.send(chunk)) await stream.onDrain()
  }
  await stream.close()
}
