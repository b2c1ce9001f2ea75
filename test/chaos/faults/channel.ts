import { setTimeout as sleep } from 'node:timers/promises'
import { type ConfirmChannel, connect } from 'amqplib'

const CLOSE_MS = 1000

/** A confirm channel of one's own for a moment; that it fails is known by what `use` waits for. */
export async function onChannel<T>(
  url: string,
  use: (channel: ConfirmChannel) => Promise<T>,
): Promise<T> {
  const connection = await connect(url)
  connection.on('error', () => {}) // Whatever waits for an answer on it fails.
  try {
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    return await use(channel)
  } finally {
    // A queue that stands still never lets its channel go.
    await Promise.race([connection.close().catch(() => {}), sleep(CLOSE_MS)])
  }
}
