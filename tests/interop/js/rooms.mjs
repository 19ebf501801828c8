// Writing and reading an open room, from docs/protocols/identifiers.md, log.md and rooms.md alone.
import { randomBytes } from 'node:crypto'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { blake2b } from '@noble/hashes/blake2.js'
import { CERTIFICATE_DOMAIN, deviceSet, verified } from './records.mjs'
import { readMessage, writeMessage } from './wire.mjs'

const OP_DOMAIN = Buffer.from('dchat/op/1\0')
const TALK = 1
const PROFILE = 32
const TEXT = 33
const NONCE_BYTES = 24

const hash = (...parts) => Buffer.from(blake2b(Buffer.concat(parts), { dkLen: 32 }))

// What follows from a room's name, which is in its normal form, and where our own chain in it ends.
export class Room {
  constructor (name) {
    this.id = hash(Buffer.from('dchat/open/1\0'), Buffer.from(name))
    this.key = hash(Buffer.from('dchat/open-key/1\0'), Buffer.from(name))
    this.topic = '/dchat/room/' + hash(Buffer.from('dchat/topic/1\0'), this.key).toString('hex')
    this.seq = 0
    this.head = Buffer.alloc(0)
  }

  // A blob to publish; the first one introduces its author.
  async write (accountKey, deviceKey, name, words) {
    const devices = await deviceSet(accountKey, deviceKey)
    const ops = []
    if (this.seq === 0) ops.push(await this.#op(accountKey, deviceKey, devices, PROFILE, name))
    ops.push(await this.#op(accountKey, deviceKey, devices, TEXT, words))
    return this.#seal(writeMessage([...ops.map((op) => [1, op]), [2, devices]]))
  }

  // Appends to our chain. Profile and Text both are one string in field 1.
  async #op (accountKey, deviceKey, devices, kind, words) {
    const content = writeMessage([[1, Buffer.from(words)]])
    const header = writeMessage([[1, 1], [2, this.id], [3, TALK],
      [4, accountKey.publicKey.raw], [5, deviceKey.publicKey.raw], [6, this.seq], [7, this.head],
      [8, BigInt(Date.now()) << 16n], [9, kind], [10, hash(content)], [13, hash(devices)]])
    this.seq += 1
    this.head = hash(header)
    const signature = await deviceKey.sign(Buffer.concat([OP_DOMAIN, header]))
    return writeMessage([[1, header], [2, signature], [3, content]])
  }

  #seal (plaintext) {
    const nonce = randomBytes(NONCE_BYTES)
    return Buffer.concat([Buffer.of(1), nonce, this.#cipher(nonce).encrypt(plaintext)])
  }

  #cipher (nonce) {
    return xchacha20poly1305(this.key, nonce, Buffer.concat([Buffer.of(1), Buffer.from(this.topic)]))
  }

  // The texts in a blob whose authors signed them.
  async read (blob) {
    require(blob[0] === 1)
    const plaintext = this.#cipher(blob.subarray(1, 1 + NONCE_BYTES)).decrypt(blob.subarray(1 + NONCE_BYTES))
    const ops = readMessage(plaintext)
    const found = []
    for (const raw of ops.all(1)) {
      const text = await this.#readOp(readMessage(raw), ops.all(2))
      if (text != null) found.push(text)
    }
    return found
  }

  // Nothing for a valid op that is no text.
  async #readOp (op, deviceSets) {
    const rawHeader = Buffer.from(op.bytes(1))
    const header = readMessage(rawHeader)
    const account = Buffer.from(header.bytes(4))
    const device = Buffer.from(header.bytes(5))
    require(header.number(1) === 1 && header.number(3) === TALK && this.id.equals(header.bytes(2)))
    require(hash(op.bytes(3)).equals(header.bytes(10)))
    require(await isCertified(account, device, deviceSets))
    require(await publicKeyFromRaw(device).verify(Buffer.concat([OP_DOMAIN, rawHeader]), op.bytes(2)))
    if (header.number(9) !== TEXT) return null
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readMessage(op.bytes(3)).bytes(1))
    return { account: account.toString('hex'), device: device.toString('hex'), text }
  }
}

async function isCertified (account, device, deviceSets) {
  for (const raw of deviceSets.flatMap((devices) => readMessage(devices).all(1))) {
    const certificate = await verified(account, CERTIFICATE_DOMAIN, raw).catch(() => null)
    if (certificate != null && account.equals(certificate.bytes(1)) && device.equals(certificate.bytes(2))) {
      return true
    }
  }
  return false
}

function require (isTrue) {
  if (!isTrue) throw new Error('the blob is not of this room, or not valid')
}
