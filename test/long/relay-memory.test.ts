import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { connect } from 'amqplib'
import { startBroker } from '../support/broker.ts'
import { lastFirst } from '../support/ending.ts'
import { keepLedger } from '../support/ledger.ts'
import { startRelay } from '../support/relay.ts'

const MIB = 1024 * 1024
const MESSAGES = 1000
const MESSAGE_BYTES = 10_000_000
const LIMIT_MIB = 400

/** The most memory that a process had resident, in MiB. */
function peakMib(pid: number): number {
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}

test('1,000 messages of 10 MB pass with less than 400 MiB in memory', async (t) => {
  const ends = lastFirst(t) // Connections first: a close after the end of the broker never came back.
  const broker = await startBroker()
  ends.after(() => broker.dispose())
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'big', QUEUE_TOPIC: 'big.q' }
  const relay = await startRelay(ends, settings)
  const ledger = await keepLedger(broker.amqpUrl, 'big.q')
  ends.after(() => ledger.close())
  const connection = await connect(broker.amqpUrl)
  ends.after(() => connection.close())
  const channel = await connection.createConfirmChannel()
  const body = Buffer.alloc(MESSAGE_BYTES, '.')
  for (let id = 0; id < MESSAGES; id += 1) {
    channel.publish('big', '', body, { messageId: String(id), persistent: true })
    // A few at a time: the publisher is not what is measured.
    if (id % 20 === 19) await channel.waitForConfirms()
  }
  const account = await ledger.complete(MESSAGES, 300_000)
  assert.equal(account.distinct, MESSAGES)
  const peak = peakMib(relay.child.pid)
  t.diagnostic(`peak ${Math.round(peak)} MiB for ${(MESSAGES * MESSAGE_BYTES) / MIB} MiB`)
  assert.ok(peak < LIMIT_MIB, `${peak} MiB`)
})

test('a destination that stands still leaves the memory bounded, too', async (t) => {
  const ends = lastFirst(t) // Connections first: a close after the end of the broker never came back.
  const broker = await startBroker()
  ends.after(() => broker.dispose())
  const observer = await connect(broker.amqpUrl)
  ends.after(() => observer.close())
  const channel = await observer.createConfirmChannel()
  const full = { 'x-max-length': 1, 'x-overflow': 'reject-publish' }
  await channel.assertQueue('stuck.q', { durable: true, arguments: full })
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'stuck', QUEUE_TOPIC: 'stuck.q' }
  const relay = await startRelay(ends, { ...settings, HOLD_MS: '15000', HOLD_CHECK_MS: '500' })
  const body = Buffer.alloc(MESSAGE_BYTES, '.')
  for (let id = 0; id < 100; id += 1) {
    channel.publish('stuck', '', body, { messageId: String(id), persistent: true })
    if (id % 20 === 19) await channel.waitForConfirms()
  }
  await relay.logged('session ended', 60_000)
  const ledger = await keepLedger(broker.amqpUrl, 'stuck.q')
  ends.after(() => ledger.close())
  assert.equal((await ledger.complete(100, 120_000)).distinct, 100)
  const peak = peakMib(relay.child.pid)
  t.diagnostic(`peak ${Math.round(peak)} MiB`)
  assert.ok(peak < LIMIT_MIB, `${peak} MiB`)
})
