import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '#infra/local/ports.ts'
import { createPublisher } from '#lib/amqp/publisher.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { createLog } from '#lib/log.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { makeCertificate } from '../support/certificate.ts'
import { endOfFile } from '../support/ending.ts'
import { message, type Observer, observe } from '../support/messages.ts'

const ending = endOfFile()
let broker: Broker
let observer: Observer
let port: number
let caFile: string

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'warren-tls-'))
  ending.after(() => rm(folder, { recursive: true }))
  const { certFile, keyFile } = makeCertificate(folder, 'broker.test')
  caFile = certFile // It signed itself, so it is its own authority.
  ;[port] = (await freePorts(1)) as [number]
  broker = await startBroker({
    conf: [
      `listeners.ssl.1 = 127.0.0.1:${port}`,
      `ssl_options.cacertfile = ${certFile}`,
      `ssl_options.certfile = ${certFile}`,
      `ssl_options.keyfile = ${keyFile}`,
    ],
  })
  ending.after(() => broker.dispose())
  observer = await observe(broker.amqpUrl)
  ending.after(() => observer.close())
  await observer.bind('tls', 'tls.q')
})

function publisherTo(t: TestContext, host: string, ca?: string) {
  const url = `amqps://${broker.user}:${broker.pass}@${host}:${port}/%2F`
  const publisher = createPublisher({
    broker: { url, heartbeatS: 20, ...(ca === undefined ? {} : { caFile: ca }) },
    connectionName: 'tls',
    log: createLog({ level: 'silent' }),
  })
  t.after(() => publisher.close(100))
  return publisher
}

const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof WarrenError, String(error))
  assert.equal(error.code, code)
  return true
}

test('over TLS with an authority of ours, a message is confirmed', async (t) => {
  const publisher = publisherTo(t, '127.0.0.1', caFile)
  const receipt = await publisher.publish(message('tls', { messageId: 'a' }), deadlineIn(7000))
  assert.equal(receipt.routed, true)
  assert.deepEqual(await observer.ids('tls.q'), ['a'])
})

test('the authority may be given as a text, where there are no files', async (t) => {
  const publisher = publisherTo(t, '127.0.0.1', readFileSync(caFile, 'utf8'))
  const receipt = await publisher.publish(message('tls', { messageId: 'text' }), deadlineIn(7000))
  assert.equal(receipt.routed, true)
  assert.deepEqual(await observer.ids('tls.q'), ['text'])
})

test('a certificate for another name, or of an authority nobody knows, is refused', async (t) => {
  for (const publisher of [publisherTo(t, 'localhost', caFile), publisherTo(t, '127.0.0.1')]) {
    const publishing = publisher.publish(message('tls'), deadlineIn(7000))
    await assert.rejects(publishing, failsWith('broker-misconfigured'))
  }
  assert.deepEqual(await observer.ids('tls.q'), [])
})

test('under an alarm the connection is reset over TLS, too: what failed never appears', async (t) => {
  const publisher = publisherTo(t, '127.0.0.1', caFile)
  await publisher.publish(message('tls', { messageId: 'b' }), deadlineIn(7000))
  await broker.alarm(true)
  const blocked = publisher.publish(message('tls'), deadlineIn(7000))
  await assert.rejects(blocked, failsWith('blocked-in-flight'))
  await broker.alarm(false)
  await sleep(1000)
  assert.deepEqual(await observer.ids('tls.q'), ['b'])
})
