import assert from 'node:assert/strict'
import { availableParallelism, loadavg } from 'node:os'
import { test } from 'node:test'
import { docker, inspect, prepareStack } from '../support/docker.ts'
import { endOfFile } from '../support/ending.ts'
import { keepLedger } from '../support/ledger.ts'
import { startLoad } from '../support/stack-load.ts'
import { until } from '../support/until.ts'

const TOKEN = 'a-token-of-the-fault-tests-0123456789abcdef'
const PASS = 'a-password-of-the-fault-tests'

const ending = endOfFile()
const stack = await prepareStack(ending, {
  dotenv: {
    ...{ API_TOKEN: TOKEN, RABBITMQ_USER: 'operator', RABBITMQ_PASS: PASS },
    ...{ COMPOSE_FILE: 'compose.yaml:infra/compose/amqp.yaml', AMQP_BIND: '127.0.0.1' },
  },
})
await stack.compose(['build'])
await stack.compose(['up', '--detach', '--wait'])
const load = startLoad(stack, { token: TOKEN, callers: 4, pauseMs: 30 })
ending.after(() => load.stop())

/** How much longer everything takes where others use this machine, too. */
const busy = () => Math.max(1, (loadavg()[0] as number) / availableParallelism())
const BACK_MS = 10_000
const BROKER_BACK_MS = 40_000

/** When the edge was away: nobody could be answered then. */
const edgeAway: { fromMs: number; toMs: number }[] = []

/** Kills the first process with this name in a service's container, from outside. */
async function kill(service: string, command: string): Promise<number> {
  const listed = await docker('top', await stack.container(service), '-eo', 'pid,args')
  const line = listed.split('\n').find((each) =>
    each
      .trim()
      .replace(/^\d+\s+/, '')
      .startsWith(command),
  )
  assert.ok(line, `${command} in ${listed}`)
  process.kill(Number.parseInt(line, 10), 'SIGKILL')
  return performance.now()
}

/** Resolves once the container was started anew and says that it is ready. */
async function restarted(service: string, before: string, url: string): Promise<void> {
  const id = await stack.container(service)
  const script = `fetch('${url}').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`
  await until(
    `${service} is back`,
    async () => {
      const { State } = await inspect(id)
      if (!State.Running || State.StartedAt === before) return false
      return docker('exec', id, 'node', '-e', script).then(
        () => true,
        () => false,
      )
    },
    BACK_MS * busy(),
  )
}

const startedAt = async (service: string) =>
  (await inspect(await stack.container(service))).State.StartedAt

test('the gateway, killed: callers are answered again within 10 s', async () => {
  const before = await startedAt('gateway')
  const killedMs = await kill('gateway', 'node gateway/main.ts')
  await load.nextPublished(killedMs, BACK_MS * busy())
  assert.notEqual(await startedAt('gateway'), before)
})

test('a relay, killed: it is back within 10 s', async () => {
  for (const service of ['exchange2topic1', 'exchange2topic2']) {
    const before = await startedAt(service)
    await kill(service, 'node relay/main.ts')
    await restarted(service, before, 'http://127.0.0.1:9091/readyz')
  }
})

for (const command of ['node infra/edge/main.ts', 'nginx: master process']) {
  test(`the edge, its process ${command} killed: callers are answered again within 10 s`, async () => {
    const before = await startedAt('edge')
    const killedMs = await kill('edge', command)
    const { begunMs } = await load.nextPublished(killedMs, BACK_MS * busy())
    // What was under way when it was killed has begun before.
    edgeAway.push({ fromMs: killedMs - 10_000, toMs: begunMs })
    await until('the edge was started anew', async () => (await startedAt('edge')) !== before)
  })
}

test('the broker, killed: messages are published again within 40 s', async () => {
  const killedMs = await kill('rabbit', '/usr/lib/erlang')
  await load.nextPublished(killedMs, BROKER_BACK_MS * busy())
  for (const service of ['exchange2topic1', 'exchange2topic2']) {
    await restarted(service, '', 'http://127.0.0.1:9091/readyz')
  }
})

test('every caller was told the truth, as a problem, within 10 s', async () => {
  await load.stop()
  assert.ok(load.answered.length > 500)
  for (const { status, begunMs, tookMs, contentType, text } of load.answered) {
    assert.ok(tookMs < 10_000, `${tookMs} ms: ${text}`)
    if (status === 200) continue
    if (status === undefined) {
      const away = edgeAway.some(({ fromMs, toMs }) => fromMs < begunMs && begunMs < toMs)
      assert.ok(away, `no answer, though the edge was there: ${text}`)
      continue
    }
    assert.ok([502, 503, 504].includes(status), text)
    assert.equal(contentType, 'application/problem+json')
  }
})

for (const queue of ['topic1', 'topic2']) {
  test(`${queue} has all that was acknowledged, and nothing that was refused`, async (t) => {
    const url = `amqp://operator:${PASS}@127.0.0.1:${stack.amqpPort}`
    const ledger = await keepLedger(url, queue)
    t.after(() => ledger.close())
    const withOutcome = (wanted: string) =>
      load.answered.filter(({ outcome }) => outcome === wanted).map(({ id }) => id)
    await ledger.complete(withOutcome('published').length)
    const arrived = new Set(ledger.ids)
    assert.deepEqual(
      withOutcome('published').filter((id) => !arrived.has(id)),
      [],
      'acknowledged, but lost',
    )
    assert.deepEqual(
      withOutcome('not-published').filter((id) => arrived.has(id)),
      [],
      'refused, but delivered',
    )
  })
}
