// The records of docs/protocols/kad.md, made and judged from that page alone.
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys'
import { readMessage, writeMessage } from './wire.mjs'

const ACCOUNT_PREFIX = Buffer.from('/dchat/account/')
const BUNDLE_PREFIX = Buffer.from('/dchat/bundle/')
const ACCOUNT_DOMAIN = Buffer.from('dchat/account/1\0')
const BUNDLE_DOMAIN = Buffer.from('dchat/bundle/1\0')
export const CERTIFICATE_DOMAIN = Buffer.from('dchat/certificate/1\0')
const LIFETIME_MS = 30 * 24 * 3600 * 1000
const VALUE_BYTES_MAX = 4096
const ADDRESSES_MAX = 16
const ADDRESS_CHARACTERS_MAX = 256
const CERTIFICATES_MAX = 32

export async function bundleRecord (deviceKey, addresses, seq) {
  const device = deviceKey.publicKey.raw
  const body = writeMessage([[1, device], [2, seq], [3, Date.now() + LIFETIME_MS],
    ...addresses.map((address) => [4, Buffer.from(address)])])
  return { key: Buffer.concat([BUNDLE_PREFIX, device]), value: await sign(deviceKey, BUNDLE_DOMAIN, body) }
}

export async function accountRecord (seed, deviceKey, seq) {
  const accountKey = await generateKeyPairFromSeed('Ed25519', seed)
  const account = accountKey.publicKey.raw
  const devices = await deviceSet(accountKey, deviceKey)
  const body = writeMessage([[1, account], [2, seq], [3, Date.now() + LIFETIME_MS], [4, devices]])
  return { key: Buffer.concat([ACCOUNT_PREFIX, account]), value: await sign(accountKey, ACCOUNT_DOMAIN, body) }
}

// Certifies that a device acts for an account.
export async function deviceSet (accountKey, deviceKey) {
  const certificate = writeMessage(
    [[1, accountKey.publicKey.raw], [2, deviceKey.publicKey.raw], [3, Date.now()]])
  return writeMessage([[1, await sign(accountKey, CERTIFICATE_DOMAIN, certificate)]])
}

async function sign (key, domain, body) {
  return writeMessage([[1, body], [2, await key.sign(Buffer.concat([domain, body]))]])
}

// Decodes and verifies a value under its key; throws when it is not valid.
export async function readRecord (key, value, nowMs) {
  require(value.length <= VALUE_BYTES_MAX)
  key = Buffer.from(key)
  if (startsWith(key, BUNDLE_PREFIX)) {
    return await readBundle(key.subarray(BUNDLE_PREFIX.length), value, nowMs)
  }
  require(startsWith(key, ACCOUNT_PREFIX))
  return await readAccount(key.subarray(ACCOUNT_PREFIX.length), value, nowMs)
}

async function readBundle (device, value, nowMs) {
  const body = await verified(device, BUNDLE_DOMAIN, value)
  require(device.equals(body.bytes(1)) && isInTime(body, nowMs))
  const addresses = body.all(4).map((raw) => new TextDecoder('utf-8', { fatal: true }).decode(raw))
  require(addresses.length <= ADDRESSES_MAX)
  require(addresses.every((address) => address.length <= ADDRESS_CHARACTERS_MAX))
  return { seq: body.number(2), addresses }
}

async function readAccount (account, value, nowMs) {
  const body = await verified(account, ACCOUNT_DOMAIN, value)
  require(account.equals(body.bytes(1)) && isInTime(body, nowMs))
  const certificates = readMessage(body.bytes(4)).all(1)
  require(certificates.length >= 1 && certificates.length <= CERTIFICATES_MAX)
  const devices = []
  for (const raw of certificates) {
    const certificate = await verified(account, CERTIFICATE_DOMAIN, raw)
    require(account.equals(certificate.bytes(1)))
    devices.push(Buffer.from(certificate.bytes(2)).toString('hex'))
  }
  return { seq: body.number(2), devices }
}

// Opens a Signed and answers its body.
export async function verified (key, domain, raw) {
  const signed = readMessage(raw)
  require(key.length === 32)
  const body = Buffer.from(signed.bytes(1))
  require(await publicKeyFromRaw(key).verify(Buffer.concat([domain, body]), signed.bytes(2)))
  return readMessage(body)
}

// What the DHT asks about values under /dchat/.
export async function validateRecord (key, value) {
  await readRecord(key, value, Date.now())
}

export async function selectRecord (key, values) {
  const sequences = await Promise.all(values.map(async (value) => (await readRecord(key, value, Date.now())).seq))
  let best = 0
  for (let index = 1; index < values.length; index++) {
    const isNewer = sequences[index] > sequences[best]
    const isGreater = sequences[index] === sequences[best] && Buffer.compare(values[index], values[best]) > 0
    if (isNewer || isGreater) best = index
  }
  return best
}

function isInTime (body, nowMs) {
  return nowMs < body.number(3) && body.number(3) <= nowMs + 2 * LIFETIME_MS
}

const startsWith = (key, prefix) => key.subarray(0, prefix.length).equals(prefix)

function require (isTrue) {
  if (!isTrue) throw new Error('the record is not valid')
}
