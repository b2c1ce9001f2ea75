import { parentPort } from 'node:worker_threads'
import { jsonFault } from '#lib/http/json.ts'

parentPort?.on('message', (body: Uint8Array) => {
  parentPort?.postMessage(jsonFault(Buffer.from(body.buffer, body.byteOffset, body.byteLength)))
})
