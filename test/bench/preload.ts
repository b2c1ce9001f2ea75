import { connect } from 'amqplib'

const WINDOW = 1024
const BYTES = 1000

/** Publishes persistent messages of 1 KB to a fanout exchange, each confirmed. */
export async function preload(amqpUrl: string, exchange: string, count: number): Promise<void> {
  const connection = await connect(amqpUrl, { noDelay: true })
  connection.on('error', () => {}) // Its messages fail; that is told.
  const channel = await connection.createConfirmChannel()
  const body = Buffer.alloc(BYTES, 'x')
  let left = count
  let unconfirmed = 0
  await new Promise<void>((resolve, reject) => {
    const fill = () => {
      while (left > 0 && unconfirmed < WINDOW) {
        left -= 1
        unconfirmed += 1
        const options = { persistent: true, messageId: String(left), contentType: 'text/plain' }
        channel.publish(exchange, '', body, options, (error) => {
          unconfirmed -= 1
          if (error) reject(error)
          else if (left > 0) fill()
          else if (unconfirmed === 0) resolve()
        })
      }
    }
    fill()
  })
  await connection.close()
}
