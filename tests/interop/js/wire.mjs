// As much of Protocol Buffers as records need: varints and byte strings, fields by number.

export function writeMessage (fields) {
  return Buffer.concat(fields.flatMap(([number, value]) => typeof value === 'number'
    ? [varint(number << 3), varint(value)]
    : [varint(number << 3 | 2), varint(value.length), value]))
}

function varint (value) {
  const bytes = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push(value % 0x80 | 0x80)
  return Buffer.from([...bytes, value])
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

// Sequence numbers and times are milliseconds, far below 2^53.
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
