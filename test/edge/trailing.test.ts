import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { startBroker } from '../support/broker.ts'
import { startEdge } from '../support/edge.ts'
import { endOfFile } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { type Observer, observe } from '../support/messages.ts'
import { sendRawParts } from '../support/raw-http.ts'
import { message, TRAILING, told } from '../support/trailing.ts'

const ending = endOfFile()
let observer: Observer
let port: number

before(async () => {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  observer = await observe(broker.amqpUrl)
  ending.after(() => observer.close())
  await observer.bind('orders', 'orders.q')
  const gateway = await startTestGateway(ending, { AMQP_URL: broker.amqpUrl })
  port = (await startEdge(ending, { API_URL: gateway.origin })).port
})

/** nginx has its own answer: none for a caller who is silent, whose connection it ends; it cannot read a CONNECT. */
const OWN: Readonly<Record<number, readonly unknown[]>> = {
  405: [[400, 'invalid-request']],
  408: [],
}
// nginx passes over an expectation that it does not know, and so the request is a good one.
const { 'an expectation that is none': _, ...ALL } = TRAILING

for (const [name, { bytes, status, code }] of Object.entries(ALL)) {
  test(`${name} behind complete requests, through the edge: their answers come first`, async () => {
    const ids = ['m-0', 'm-1', 'm-2']
    const sent = Buffer.concat([Buffer.from(ids.map(message).join('')), Buffer.from(bytes)])
    const answers = await sendRawParts(port, [sent], { timeoutMs: 20_000 })
    const published = ids.map((id) => [200, id])
    const end = OWN[status] ?? [[status, code]]
    assert.deepEqual(told(answers), [...published, ...end])
    assert.deepEqual(await observer.ids('orders.q'), ids)
  })
}
