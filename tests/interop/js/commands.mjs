// What a test can ask of the node. Bytes are hexadecimal in both directions.
import { createHash, randomBytes } from 'node:crypto'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { ECHO } from './node.mjs'
import { accountRecord, bundleRecord, readRecord } from './records.mjs'
import { Room } from './rooms.mjs'

const TIMEOUT_MS = 30_000
const CHUNK_BYTES = 65_536

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const unhex = (text) => Uint8Array.from(Buffer.from(text, 'hex'))
const soon = () => ({ signal: AbortSignal.timeout(TIMEOUT_MS) })
const contentId = async (data) => CID.createV1(raw.code, await sha256.digest(unhex(data)))

async function connect (node, { address }) {
  return (await node.dial(multiaddr(address), soon())).remotePeer.toString()
}

async function disconnect (node, { peer }) {
  await node.hangUp(peerIdFromString(peer))
}

// What the peer has said of itself.
async function identify (node, { peer }) {
  const { addresses, metadata, protocols } = await node.peerStore.get(peerIdFromString(peer))
  const agent = new TextDecoder().decode(metadata.get('AgentVersion'))
  return { agent, protocols, addresses: addresses.map(({ multiaddr }) => multiaddr.toString()) }
}

async function ping (node, { peer }) {
  return await node.services.ping.ping(peerIdFromString(peer), soon())
}

// Sends so many bytes, reads what comes back meanwhile, and compares the hashes. A stream is opened
// on the connection itself: `dialProtocol` would dial anew rather than use a limited one.
async function echo (node, { peer, size }) {
  const [connection] = node.getConnections(peerIdFromString(peer))
  const stream = await connection.newStream(ECHO, { ...soon(), runOnLimitedConnection: true })
  const sent = randomBytes(size)
  const writing = send(stream, sent)
  const received = createHash('sha256')
  let count = 0
  for await (const chunk of stream) {
    received.update(chunk.subarray())
    count += chunk.byteLength
  }
  await writing
  return { size: count, is_intact: received.digest().equals(createHash('sha256').update(sent).digest()) }
}

async function send (stream, data) {
  for (let at = 0; at < data.length; at += CHUNK_BYTES) {
    if (!stream.send(data.subarray(at, at + CHUNK_BYTES))) await stream.onDrain()
  }
  await stream.close()
}

// The DHT

async function table (node) {
  return [...node.services.dht.routingTable.kb.toIterable()].map(({ peerId }) => peerId.toString())
}

async function findPeer (node, { peer }) {
  const { multiaddrs } = await node.peerRouting.findPeer(peerIdFromString(peer), { ...soon(), useCache: false })
  return multiaddrs.map(String)
}

async function putValue (node, { key, value }) {
  await node.contentRouting.put(unhex(key), unhex(value), soon())
}

async function getValue (node, { key }) {
  return hex(await node.contentRouting.get(unhex(key), soon()))
}

async function provide (node, { data }) {
  const id = await contentId(data)
  await node.contentRouting.provide(id, soon())
  return hex(id.multihash.bytes)
}

async function findProviders (node, { data }) {
  const found = []
  for await (const { id } of node.contentRouting.findProviders(await contentId(data), soon())) {
    found.push(id.toString())
  }
  return found
}

// Records, made and verified as docs/protocols/kad.md has them

const keyAndValue = ({ key, value }) => ({ key: hex(key), value: hex(value) })

async function bundle (node, { addresses, seq }) {
  return keyAndValue(await bundleRecord(node.components.privateKey, addresses, seq))
}

async function account (node, { account, seq }) {
  return keyAndValue(await accountRecord(unhex(account), node.components.privateKey, seq))
}

async function readValue (node, { key, value }) {
  return await readRecord(unhex(key), unhex(value), Date.now())
}

// Gossip

async function subscribe (node, { topic }) {
  node.services.pubsub.subscribe(topic)
}

async function members (node, { topic }) {
  return node.services.pubsub.getSubscribers(topic).map(String)
}

async function publish (node, { topic, data }) {
  await node.services.pubsub.publish(topic, unhex(data))
}

// Open rooms, as docs/protocols/rooms.md has them

const rooms = new Map()

// Answers its topic.
async function room (node, { room }) {
  rooms.set(room, new Room(room))
  return rooms.get(room).topic
}

// Answers a blob to publish.
async function write (node, { room, account, name, text }) {
  const accountKey = await generateKeyPairFromSeed('Ed25519', unhex(account))
  return hex(await rooms.get(room).write(accountKey, node.components.privateKey, name, text))
}

// Answers what is said in a blob.
async function read (node, { room, data }) {
  return await rooms.get(room).read(unhex(data))
}

// Relaying

// Holds a place at a relay and answers the addresses through which others reach us.
async function reserve (node, { address }) {
  await node.components.transportManager.listen([multiaddr(address + '/p2p-circuit')])
  const store = node.components.transportManager.getTransports()
    .find(({ reservationStore }) => reservationStore != null).reservationStore
  const { addrs, expire, voucher } = store.getReservation(peerIdFromString(address.split('/p2p/')[1]))
  return {
    addresses: [`${address}/p2p-circuit/p2p/${node.peerId}`],
    told: addrs.map((bytes) => multiaddr(bytes).toString()),
    seconds: Number(expire) - Math.floor(Date.now() / 1000),
    has_voucher: voucher != null
  }
}

export const commands = {
  connect,
  disconnect,
  identify,
  ping,
  echo,
  table,
  find_peer: findPeer,
  put_value: putValue,
  get_value: getValue,
  provide,
  find_providers: findProviders,
  bundle,
  account,
  read_record: readValue,
  room,
  write,
  read,
  subscribe,
  members,
  publish,
  reserve
}
