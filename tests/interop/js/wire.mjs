// As much of Protocol Buffers as records need: varints and byte strings, fields by number.

export function writeMessage (fields) {
  return Buffer.concat(fields.flatMap(([number, value]) => value instanceof Uint8Array
    ? [varint(number << 3 | 2), varint(value.length), value]
    : [varint(number << 3), varint(value)]))
}

function varint (value) {
  const bytes = []
  let rest = BigInt(value)
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

export function readMessage (raw) {
  const blobs = new Map()
  const numbers = new Map()
  const reader = { raw, at: 0 }
  while (reader.at < raw.length) {
    const tag = readVarint(reader)
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        numbers.set(number, readVarint(reader))
        break
      case 2:
        blobs.set(number, [...blobs.get(number) ?? [], readBytes(reader, readVarint(reader))])
        break
      case 1:
        readBytes(reader, 8)
        break
      case 5:
        readBytes(reader, 4)
        break
      default:
        throw new Error('no Protocol Buffers message')
    }
  }
  return {
    all: (number) => blobs.get(number) ?? [],
    bytes: (number) => blobs.get(number)?.at(-1) ?? new Uint8Array(),
    number: (number) => numbers.get(number) ?? 0
  }
}

// What is looked at is far below 2^53; clocks are above it, and not looked at.
function readVarint (reader) {
  let value = 0
  for (let factor = 1; ; factor *= 0x80) {
    const [byte] = readBytes(reader, 1)
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
}

function readBytes (reader, size) {
  const end = reader.at + size
  if (end > reader.raw.length) throw new Error('a Protocol Buffers message is cut off')
  const bytes = reader.raw.subarray(reader.at, end)
  reader.at = end
  return bytes
}
