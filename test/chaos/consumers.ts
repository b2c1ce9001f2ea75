import type { ConsumeMessage } from 'amqplib'
import { consumeSteadily, type SteadyConsumer } from '../support/steady.ts'
import type { Ledger } from './ledger.ts'
import type { Subject } from './world.ts'

/** Messages of this type are a fault's own, to see whether a queue takes any; nobody counts them. */
export const PROBE = 'chaos.probe'

export interface Consumers extends SteadyConsumer {
  /** When the last message came, on performance.now()'s clock. */
  lastMs(): number
}

/** Begins to take all that arrives in the lanes' queues, and to enter it in the ledger. */
export function startConsumers(url: string, subject: Subject, ledger: Ledger): Consumers {
  const { lanes, idOf } = subject
  let last = performance.now()
  const consumers = lanes.map(({ queue }, lane) =>
    consumeSteadily(url, queue, ({ properties, content, fields }: ConsumeMessage) => {
      if (properties.type === PROBE) return
      last = performance.now()
      const id = idOf(properties.messageId, content.toString())
      if (id === undefined || id % lanes.length !== lane) ledger.arrivedUnexpected()
      else ledger.arrived(id, fields.redelivered)
    }),
  )
  const resume = () => {
    for (const consumer of consumers) consumer.resume()
  }
  resume()
  return {
    lastMs: () => last,
    resume,
    pause: async () => void (await Promise.all(consumers.map(({ pause }) => pause()))),
  }
}
