// A js-libp2p node as the other side of the interoperation tests.
//
// It is given one JSON object with its options as its only argument, and takes commands as JSON
// lines on standard input: {"id": 1, "do": "ping", "args": {"peer": "12D3..."}}. Each is answered by
// {"id": 1, "result": ...} or {"id": 1, "error": "..."}; what happens meanwhile is told as
// {"event": "gossip", ...}. It ends when its standard input does. The Go program beside it
// understands the same.
import { createInterface } from 'node:readline'
import { commands } from './commands.mjs'
import { createNode } from './node.mjs'

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n')

async function serve (node, { id, do: name, args }) {
  try {
    const result = await commands[name](node, args)
    say({ id, result: result ?? null })
  } catch (error) {
    say({ id, error: `${error.name}: ${error.message}` })
  }
}

const node = await createNode(JSON.parse(process.argv[2]), say)
say({ event: 'ready', peer: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) })
for await (const line of createInterface({ input: process.stdin })) {
  serve(node, JSON.parse(line))
}
await node.stop()
process.exit(0)
