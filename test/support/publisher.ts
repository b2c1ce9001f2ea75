import type { OutgoingMessage, Publisher, Receipt } from '#lib/amqp/message.ts'
import type { Deadline } from '#lib/deadline.ts'

/** A publisher without a broker, for what stands before one: it keeps what it was given. */
export function fakePublisher(receive: (message: OutgoingMessage) => Promise<Receipt>) {
  const published: OutgoingMessage[] = []
  const deadlines = new Set<Deadline>()
  const activity = { notes: 0 }
  const publisher: Publisher = {
    publish: (message, deadline) => {
      published.push(message)
      deadlines.add(deadline)
      return receive(message)
    },
    noteActivity: () => {
      activity.notes += 1
    },
    ready: async () => {},
    close: async () => {},
  }
  return { publisher, published, deadlines, activity }
}
