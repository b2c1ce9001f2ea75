import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Channel, connect } from 'amqplib'

/**
 * Baseline: what one writes in an hour. It publishes without confirm and mandatory, answers 202 at once,
 * and connects again when the connection is gone.
 */
const [, , url = '', port = '0'] = process.argv
const RETRY_MS = 500
let channel: Channel | undefined

async function keepConnected(): Promise<never> {
  for (;;) {
    try {
      const connection = await connect(url)
      const closed = new Promise((resolve) => connection.once('close', resolve))
      connection.on('error', () => {})
      channel = await connection.createChannel()
      channel.on('error', () => {})
      channel.on('close', () => void connection.close().catch(() => {}))
      await closed
    } catch {
      // It is tried again.
    }
    channel = undefined
    await sleep(RETRY_MS)
  }
}

const server = createServer(async (request, response) => {
  const exchange = decodeURIComponent((request.url ?? '').replace('/publish/', ''))
  const messageId = String(request.headers['idempotency-key'])
  const body = await buffer(request)
  try {
    if (channel === undefined) throw new Error('not connected')
    channel.publish(exchange, '', body, { messageId, persistent: true })
    response.writeHead(202).end()
  } catch {
    response.writeHead(503).end()
  }
})

void keepConnected()
server.listen(Number(port), '127.0.0.1', () => console.log('"event":"ready"'))
