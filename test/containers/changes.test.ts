import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '#infra/local/settings.ts'
import { clientEnv, docker, inspect, prepareStack } from '../support/docker.ts'
import { endOfFile } from '../support/ending.ts'
import { keepLedger } from '../support/ledger.ts'
import { codeBlocks } from '../support/markdown.ts'
import { startLoad } from '../support/stack-load.ts'
import { queueLengths } from '../support/stack-requests.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const TOKEN = 'a-token-of-the-change-tests-0123456789abcdef'
const PASS = 'a-password-of-the-change-tests'

const ending = endOfFile()
const stack = await prepareStack(ending, {
  dotenv: {
    ...{ API_TOKEN: TOKEN, RABBITMQ_USER: 'operator', RABBITMQ_PASS: PASS },
    ...{ COMPOSE_FILE: 'compose.yaml:infra/compose/amqp.yaml', AMQP_BIND: '127.0.0.1' },
  },
})
await stack.compose(['build'])
await stack.compose(['up', '--detach', '--wait'])
const amqpUrl = `amqp://operator:${PASS}@127.0.0.1:${stack.amqpPort}`

const ENTRY = `
  exchange2topic3:
    <<: *relay
    environment:
      <<: *relay-settings
      QUEUE_TOPIC: topic3
`
const composeFile = join(stack.folder, 'compose.yaml')
const original = readFileSync(composeFile, 'utf8')
const withEntry = original.replace('\nnetworks:\n', `${ENTRY}\nnetworks:\n`)

const OTHERS = ['rabbit', 'gateway', 'edge', 'exchange2topic1', 'exchange2topic2']

/** Which containers there are, and since when each runs. */
const runningSince = () =>
  Promise.all(
    OTHERS.map(async (service) => {
      const { Name, State } = await inspect(await stack.container(service))
      return [Name, State.StartedAt]
    }),
  )

const published = (load: ReturnType<typeof startLoad>) =>
  load.answered.filter(({ status }) => status === 200).map(({ id }) => id)

test('the entry is the one that docs/containers.md shows', () => {
  const [shown] = codeBlocks(readFileSync(join(ROOT, 'docs/containers.md'), 'utf8'), 'yaml')
  assert.equal(`\n${shown}`, ENTRY)
})

test('topic3 is added by one entry while messages flow: it gets everything from then on, the others go on', async (t) => {
  const load = startLoad(stack, { token: TOKEN, callers: 2, pauseMs: 20 })
  t.after(() => load.stop())
  const before = await runningSince()
  writeFileSync(composeFile, withEntry)
  await stack.compose(['up', '--detach', '--wait'])
  const bound = performance.now()
  await until(
    'messages after it',
    () => load.answered.filter((a) => a.begunMs > bound).length > 100,
  )
  await load.stop()
  assert.deepEqual(await runningSince(), before)
  assert.deepEqual([...new Set(load.answered.map(({ status }) => status))], [200])
  const due = load.answered.filter(({ begunMs }) => begunMs > bound).map(({ id }) => id)
  const ledger = await keepLedger(amqpUrl, 'topic3')
  t.after(() => ledger.close())
  await until('all of them in topic3', () => due.every((id) => ledger.ids.includes(id)))
})

test('topic3 is retired while messages flow: its staging queue is gone, and nothing piles up', async (t) => {
  const load = startLoad(stack, { token: TOKEN, callers: 2, pauseMs: 20 })
  t.after(() => load.stop())
  const before = await runningSince()
  await stack.compose(['stop', 'exchange2topic3'])
  await stack.compose(['run', '--rm', '--no-deps', 'exchange2topic3', 'detach'])
  writeFileSync(composeFile, original)
  await stack.compose(['up', '--detach', '--wait', '--remove-orphans'])
  assert.deepEqual(await runningSince(), before)
  const atEnd = (await queueLengths(stack)).get('topic3')
  const so = load.answered.length
  await until('more messages', () => load.answered.length > so + 100)
  const lengths = await queueLengths(stack)
  assert.deepEqual(
    [...lengths.keys()].filter((name) => /^relay\..*topic3/.test(name)),
    [],
  )
  assert.equal(lengths.get('topic3'), atEnd)
  assert.deepEqual([...new Set(load.answered.map(({ status }) => status))], [200])
  const rabbit = await stack.container('rabbit')
  await docker('exec', rabbit, 'rabbitmqctl', '--quiet', 'delete_queue', 'topic3')
})

test('whoever forgets to detach finds its messages in staging, and cleans up without the entry', async () => {
  writeFileSync(composeFile, withEntry)
  await stack.compose(['up', '--detach', '--wait'])
  writeFileSync(composeFile, original)
  await stack.compose(['up', '--detach', '--wait', '--remove-orphans'])
  await startLoad(stack, { token: TOKEN, callers: 1, pauseMs: 0, count: 10 }).ended
  // The broker counts a quorum queue's messages every 5 s.
  const staged = async () => (await queueLengths(stack)).get('relay.exchange.topic3') === 10
  await until('all 10 in staging', staged)
  const other = ['run', '--rm', '--no-deps', '--env', 'QUEUE_TOPIC=topic3', 'exchange2topic1']
  await stack.compose([...other, 'detach'])
  assert.equal((await queueLengths(stack)).has('relay.exchange.topic3'), false)
  const forwarded = async () => (await queueLengths(stack)).get('topic3') === 10
  await until('all 10 in topic3', forwarded)
})

test('both gateways and a relay are replaced under load: none of 20,000 requests and more fails, none is lost', async (t) => {
  const rabbit = await stack.container('rabbit')
  for (const queue of ['topic1', 'topic2']) {
    await docker('exec', rabbit, 'rabbitmqctl', '--quiet', 'purge_queue', queue)
  }
  const scaled = ['--no-deps', '--no-recreate', '--scale', 'gateway=2', 'gateway']
  await stack.compose(['up', '--detach', '--wait', ...scaled])
  const before = await stack.containers('gateway')
  assert.equal(before.length, 2)
  const load = startLoad(stack, { token: TOKEN, callers: 8, pauseMs: 0 })
  t.after(() => load.stop())
  await until('load', () => load.answered.length > 500)
  await replace('gateway')
  await stack.compose([
    'up',
    '--detach',
    '--wait',
    '--no-deps',
    '--force-recreate',
    'exchange2topic1',
  ])
  const after = await stack.containers('gateway')
  assert.equal(after.length, 2)
  assert.deepEqual(
    after.filter((id) => before.includes(id)),
    [],
  )
  await until('20,000 requests', () => load.answered.length >= 20_000, 120_000)
  await load.stop()
  const failed = load.answered.filter(({ status }) => status !== 200)
  assert.deepEqual(failed.slice(0, 3), [], `${failed.length} of ${load.answered.length} failed`)
  for (const queue of ['topic1', 'topic2']) {
    const ledger = await keepLedger(amqpUrl, queue)
    t.after(() => ledger.close())
    const due = published(load).length
    const { distinct } = await ledger.complete(due, 120_000)
    assert.equal(distinct, due)
  }
})

/** The documented procedure. */
async function replace(service: string): Promise<void> {
  const env = {
    ...clientEnv(),
    ...{ COMPOSE_PROJECT_NAME: stack.project, WARREN_TAG: 'test' },
  }
  await run(join(stack.folder, 'infra/compose/replace'), [service], { cwd: stack.folder, env })
}
