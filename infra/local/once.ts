import { takeMessage } from '#lib/amqp/inspect.ts'
import { type Deadline, deadlineIn } from '#lib/deadline.ts'
import { publishUrl } from './screen.ts'
import type { LocalSettings } from './settings.ts'
import type { Running } from './stack.ts'

// The predecessor's message, byte for byte.
const BODY = Buffer.from('{"hello": "Gonzalo"}')
// An answer is due within 8 s; a copy takes milliseconds.
const ANSWER_MS = 10_000
const ARRIVAL_MS = 10_000

/**
 * Publishes one message as any caller would, takes it out of the queue of every listener of its
 * exchange and says what arrived. Other messages in these queues stay.
 * @param arrivalMs how long a queue is watched
 * @returns whether each of them got it byte for byte
 */
export async function publishOnce(
  running: Running,
  settings: LocalSettings,
  say: (line: string) => void,
  arrivalMs = ARRIVAL_MS,
): Promise<boolean> {
  const messageId = crypto.randomUUID()
  const exchange = settings.relays[0]?.exchange as string
  if (!(await publish(publishUrl(running.url, exchange), settings.apiToken, messageId, say))) {
    return false
  }
  const queues = settings.relays.filter((relay) => relay.exchange === exchange)
  const arrived = await Promise.all(
    queues.map(({ queue }) => arrives(running, queue, messageId, say, deadlineIn(arrivalMs))),
  )
  return arrived.every(Boolean)
}

async function publish(
  address: string,
  token: string,
  messageId: string,
  say: (line: string) => void,
): Promise<boolean> {
  const response = await fetch(address, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': messageId,
    },
    body: BODY,
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  say(`POST ${address} ${BODY}`)
  say(`  ${response.status} ${await response.text()}`)
  return response.status === 200
}

async function arrives(
  { broker }: Running,
  queue: string,
  messageId: string,
  say: (line: string) => void,
  deadline: Deadline,
): Promise<boolean> {
  const message = await takeMessage({ ...broker, queue, messageId }, deadline)
  if (message === undefined) {
    say(`${queue}: it did not arrive, or other messages or consumers were before us`)
    return false
  }
  const identical = message.body.equals(BODY)
  say(`${queue}: ${message.body} (${message.contentType}, ${identical ? 'identical' : 'CHANGED'})`)
  return identical
}
