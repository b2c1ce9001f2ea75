import assert from 'node:assert/strict'
import { createBatch } from '#functions/batch/batch.ts'
import type { OutgoingMessage, Receipt } from '#lib/amqp/message.ts'
import type { Grant } from '#lib/auth/grants.ts'
import { PROBLEMS, type ProblemCode, WarrenError } from '#lib/errors.ts'
import { createShares } from '#lib/shares.ts'
import { fakePublisher } from './publisher.ts'
import { anybody, publishRequest, type RequestOptions, recordedLog } from './requests.ts'

export const JSON_TYPE = { 'content-type': 'application/json' }

/** Takes every message but those whose body is the code of a problem, or `bug`. */
async function receive({ body, mandatory }: OutgoingMessage): Promise<Receipt> {
  const code = body.toString()
  if (Object.hasOwn(PROBLEMS, code)) throw new WarrenError(code as ProblemCode)
  if (code === 'bug') throw new TypeError('a bug')
  return { routed: mandatory, attempts: 1 }
}

/** Posts a batch to the exchange `orders`; its answer, and what the publisher got. */
export async function sendBatch(
  options: RequestOptions,
  grants: readonly Grant[] = anybody.publish,
  maxBodyBytes = 100_000,
) {
  const { publisher, published, deadlines } = fakePublisher(receive)
  const { log, lines } = recordedLog()
  const deps = { publisher, log, maxBodyBytes, shares: createShares(), now: () => 5 }
  const caller = { name: 'tester', publish: grants }
  const request = publishRequest({ path: '/batch/orders', ...options }, caller)
  const { status, headers, body } = await createBatch(deps)(request)
  assert.equal(lines.length, 1, 'one line for each request')
  const line = lines[0] ?? assert.fail()
  return { status, headers, json: JSON.parse(body), published, deadlines, line }
}

/** Posts a list of items. */
export const sendItems = (items: readonly unknown[], grants?: readonly Grant[]) =>
  sendBatch({ headers: JSON_TYPE, body: JSON.stringify(items) }, grants)

/** The bodies of messages as texts. */
export const bodiesOf = (messages: readonly OutgoingMessage[]) =>
  messages.map(({ body }) => body.toString())
