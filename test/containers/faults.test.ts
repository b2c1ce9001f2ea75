import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { assertNowhere } from '../support/canary.ts'
import { docker, inspect, prepareStack } from '../support/docker.ts'
import { endOfFile } from '../support/ending.ts'
import { keepLedger } from '../support/ledger.ts'
import { startLoad } from '../support/stack-load.ts'
import { until } from '../support/until.ts'

const TOKEN = 'a-token-of-the-fault-tests-0123456789abcdef'
const PASS = 'a-password-of-the-fault-tests'
const BODY = 'a-body-of-the-fault-tests'

const ending = endOfFile()
const stack = await prepareStack(ending, {
  dotenv: {
    ...{ API_TOKEN: TOKEN, RABBITMQ_USER: 'operator', RABBITMQ_PASS: PASS },
    ...{ COMPOSE_FILE: 'compose.yaml:infra/compose/amqp.yaml', AMQP_BIND: '127.0.0.1' },
  },
})
await stack.compose(['build'])
await stack.compose(['up', '--detach', '--wait'])
const load = startLoad(stack, { token: TOKEN, callers: 4, pauseMs: 30, mark: BODY })
ending.after(() => load.stop())

/** What a person waits for before he asks whether it will come back at all. */
const BACK_MS = 10_000
const BROKER_BACK_MS = 40_000

/** When the edge was away: nobody could be answered then. */
const edgeAway: { fromMs: number; toMs: number }[] = []

/** Kills the first process with this command line, its options left out, in a service's container, from outside. */
async function kill(service: string, command: string): Promise<number> {
  const listed = await docker('top', await stack.container(service), '-eo', 'pid,args')
  const line = listed.split('\n').find((each) =>
    each
      .trim()
      .replace(/^\d+\s+/, '')
      .replaceAll(/ --\S+/g, '')
      .startsWith(command),
  )
  assert.ok(line, `${command} in ${listed}`)
  process.kill(Number.parseInt(line, 10), 'SIGKILL')
  return performance.now()
}

const startedAt = async (service: string) =>
  (await inspect(await stack.container(service))).State.StartedAt

/** Kills a service's process; gives when that was, once Docker has started another. */
async function killAndRestart(service: string, command: string): Promise<number> {
  const before = await startedAt(service)
  const killedMs = await kill(service, command)
  const isNew = async () => (await startedAt(service)) !== before
  await until(`${service} was started anew`, isNew, BACK_MS)
  return killedMs
}

/** A relay says that it is ready. */
const ready = async (service: string) =>
  docker('exec', await stack.container(service), './healthy', '9091', '/readyz').then(
    () => true,
    () => false,
  )

const RELAYS = ['exchange2topic1', 'exchange2topic2']

/** Until what happened after `killedMs`, as a person sees it. */
const tell = (t: TestContext, what: string, killedMs: number, backMs: number) =>
  t.diagnostic(`${what} after ${((backMs - killedMs) / 1000).toFixed(1)} s`)

test('the gateway, killed: callers are answered again within 10 s', async (t) => {
  const killedMs = await killAndRestart('gateway', 'node gateway/main.js')
  const { begunMs } = await load.nextPublished(killedMs, BACK_MS)
  tell(t, 'published', killedMs, begunMs)
})

for (const service of RELAYS) {
  test(`the relay ${service}, killed: it is ready again within 10 s`, async (t) => {
    const killedMs = await killAndRestart(service, 'node relay/main.js')
    await until(`${service} is ready`, () => ready(service), BACK_MS)
    tell(t, 'ready', killedMs, performance.now())
    assert.ok(performance.now() - killedMs < BACK_MS)
  })
}

for (const command of ['node infra/edge/main.js', 'nginx: master process']) {
  test(`the edge, its process ${command} killed: callers are answered again within 10 s`, async (t) => {
    const killedMs = await killAndRestart('edge', command)
    // Until then the processes of the old one may have gone on for some milliseconds.
    const { begunMs } = await load.nextPublished(performance.now(), BACK_MS)
    tell(t, 'published', killedMs, begunMs)
    assert.ok(begunMs - killedMs < BACK_MS)
    // What was under way when it was killed has begun before.
    edgeAway.push({ fromMs: killedMs - 10_000, toMs: begunMs })
  })
}

test('the broker, killed: messages are published again within 40 s, and the relays are ready', async (t) => {
  const killedMs = await kill('rabbit', '/usr/lib/erlang')
  const { begunMs } = await load.nextPublished(killedMs, BROKER_BACK_MS)
  tell(t, 'published', killedMs, begunMs)
  for (const service of RELAYS) await until(`${service} is ready`, () => ready(service))
  tell(t, 'the relays are ready', killedMs, performance.now())
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

test('in all that trouble no secret and no body came into a log, an inspection, an answer or a metric', async () => {
  const answers = load.answered.map(({ text }) => text).join('\n')
  await assertNowhere(stack, [TOKEN, PASS, BODY], { 'the answers': answers })
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
