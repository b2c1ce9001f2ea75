import assert from 'node:assert/strict'
import { test } from 'node:test'
import { residentMb } from '../bench/cpu.ts'
import {
  broker,
  deadOf,
  ids,
  observer,
  park,
  REASON,
  settingsOf,
  stagingOf,
  startForFile,
  stoppedListener,
} from '../support/parking.ts'
import { relayCommand, relayJson, startCommand } from '../support/relay-command.ts'
import { takeIds } from '../support/take.ts'
import { until } from '../support/until.ts'

const MB = 1_000_000

startForFile()

test('large messages pass one after the other, and those passed over take no memory', async (t) => {
  await stoppedListener(t, 'large')
  const body = Buffer.alloc(MB)
  for (let id = 0; id < 200; id += 1) {
    const headers = { 'x-relay-reason': id % 2 === 0 ? 'even' : 'odd' }
    observer.channel.sendToQueue(deadOf('large'), body, { messageId: String(id), headers })
    if (id % 20 === 0) await observer.depth(deadOf('large')) // Answered once all before it is read.
  }
  await until('parked', async () => (await observer.depth(deadOf('large'))) === 200)
  const { pid, ended } = startCommand(settingsOf('large'), 'replay', '--reason', 'odd')
  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, residentMb([pid]))
  }, 20)
  const { code, stdout } = await ended
  clearInterval(watching)
  assert.equal(code, 0)
  assert.match(stdout, /replayed 100 of 200 parked messages, 100 not selected/)
  assert.ok(most > 0 && most < 260, `${most} MB resident`)
  const odd = Array.from({ length: 100 }, (_, index) => String(index * 2 + 1))
  assert.deepEqual(await takeIds(observer.channel, stagingOf('large'), 100), odd)
  await observer.channel.purgeQueue(deadOf('large'))
})

test('five thousand are each in one queue afterwards, and in one only', async (t) => {
  await stoppedListener(t, 'many')
  const all = Array.from({ length: 5000 }, (_, index) => String(index))
  await park('many', { messageId: 'kept', reason: 'other' }, ...ids(...all))
  const { code, json } = await relayJson(settingsOf('many'), 'replay', '--reason', REASON)
  assert.deepEqual([code, json['replayed'], json['unselected']], [0, 5000, 1])
  await until('back', async () => (await observer.depth(deadOf('many'))) > 0)
  assert.deepEqual(await observer.ids(deadOf('many')), ['kept'])
  assert.deepEqual(await takeIds(observer.channel, stagingOf('many'), 5000), all)
})

test('without its queues nothing is done, and it says which is missing', async (t) => {
  const none = await relayCommand(settingsOf('none'), 'replay')
  assert.deepEqual([none.code, none.stderr], [3, ''])
  assert.equal(none.stdout, `replay: there is no parking queue ${deadOf('none')}\n`)
  await stoppedListener(t, 'half')
  await park('half', ...ids('1'))
  await observer.channel.deleteQueue(stagingOf('half'))
  const { code, json } = await relayJson(settingsOf('half'), 'replay')
  assert.equal(code, 3)
  assert.match(String(json['failure']), /there is no staging queue relay\.half\.half\.q/)
  assert.equal(await observer.depth(deadOf('half')), 1)
  const bound = await relayCommand({ ...settingsOf('half'), RELAY_MODE: 'bind' }, 'replay')
  assert.equal(bound.code, 2)
  assert.match(bound.stderr, /RELAY_MODE=bind parks nothing/)
})

test('an empty parking queue is nothing to wait for', async (t) => {
  await stoppedListener(t, 'empty')
  const { code, stdout } = await relayCommand(settingsOf('empty'), 'replay')
  assert.equal(code, 0)
  assert.match(stdout, /^replay: replayed 0 of 0 parked messages/)
})

test('a staging queue that refuses keeps everything where it is', async (t) => {
  const staging = stagingOf('full')
  await broker.ctl('set_policy', 'full', `^${staging}$`, '{"max-length":2}', '--apply-to', 'queues')
  await stoppedListener(t, 'full')
  for (let filler = 0; filler < 10; filler += 1) {
    observer.channel.sendToQueue(staging, Buffer.from('filler'))
    await observer.depth(staging)
  }
  const all = Array.from({ length: 20 }, (_, index) => String(index))
  await park('full', ...ids(...all))
  const { code, json } = await relayJson(settingsOf('full'), 'replay')
  assert.equal(code, 1)
  assert.match(String(json['failure']), /the staging queue refuses messages/)
  await until('all back', async () => (await observer.depth(deadOf('full'))) === 20)
  assert.deepEqual(await observer.ids(deadOf('full')), all)
})

test('under an alarm it waits, and SIGTERM ends it in order: nothing is lost', async (t) => {
  await stoppedListener(t, 'term')
  const all = Array.from({ length: 2000 }, (_, index) => String(index))
  await park('term', ...ids(...all))
  await broker.alarm(true)
  const interrupted = startCommand(settingsOf('term'), 'replay')
  await until('under way', async () => (await observer.depth(deadOf('term'))) < 2000)
  process.kill(interrupted.pid, 'SIGTERM')
  const { code, stdout } = await interrupted.ended
  assert.equal(code, 3)
  assert.match(stdout, /^replay: ended early: interrupted; what was under way may be in both/m)
  await until('all back', async () => (await observer.depth(deadOf('term'))) === 2000)
  const waiting = startCommand(settingsOf('term'), 'replay')
  await until('under way', async () => (await observer.depth(deadOf('term'))) < 2000)
  await broker.alarm(false)
  const { stdout: rest } = await waiting.ended
  assert.match(rest, /^replay: replayed 2000 of 2000 parked messages \(/)
  assert.equal(await observer.depth(deadOf('term')), 0)
  const staged = await observer.depth(stagingOf('term'))
  const arrived = await takeIds(observer.channel, stagingOf('term'), staged)
  assert.deepEqual([...new Set(arrived)], all)
})
