import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePorts } from '#infra/local/ports.ts'
import { isAlive } from '#infra/local/processes.ts'
import { npmStart, ownHome } from '../support/stack.ts'
import { assertGone, processesBelow, tracesOf } from '../support/traces.ts'

const TOKEN = 'super_secret_key'

async function settings(home: string) {
  const [port] = (await freePorts(1)) as [number]
  return { WARREN_HOME: home, EDGE_PORT: String(port) }
}

function publish(port: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/publish/exchange`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
    body: '{"hello": "Gonzalo"}',
  })
}

test('a second start is refused; what a killed one left is ended; a crash stops all and is named', async (t) => {
  const home = ownHome(t)
  const env = await settings(home)
  const first = npmStart(t, env)
  await first.until('Stop with Ctrl-C')
  assert.equal((await publish(env.EDGE_PORT)).status, 200)

  const second = npmStart(t, env)
  assert.equal(await second.ended, 1)
  assert.match(second.printed(), /already running: http:\/\/127\.0\.0\.1:\d+/)

  const elsewhere = npmStart(t, { ...env, WARREN_HOME: ownHome(t), WARREN_INSTALL: 'maybe' })
  assert.equal(await elsewhere.ended, 2)
  assert.match(elsewhere.printed(), new RegExp(`EDGE_PORT: port ${env.EDGE_PORT} .* is taken`))
  assert.match(elsewhere.printed(), /WARREN_INSTALL must be one of/)

  const left = processesBelow(pidIn(home, 'lock'))
  process.kill(pidIn(home, 'lock'), 'SIGKILL')
  assert.equal(await first.ended, 1)
  assert.ok(left.some(isAlive))

  const next = npmStart(t, env)
  await next.until('Stop with Ctrl-C')
  assert.match(next.printed(), /Ended what an earlier start that was killed had left: .*rabbitmq/)
  assert.deepEqual(left.filter(isAlive), [])

  const traces = tracesOf(next.pid)
  process.kill(pidIn(home, 'logs/relay-topic1.process'), 'SIGKILL')
  assert.equal(await next.ended, 1)
  assert.match(next.printed(), /relay topic1 ended by itself\. Its last lines .*\n {2}\{/)
  await assertGone(traces)
})

const pidIn = (home: string, file: string): number =>
  JSON.parse(readFileSync(join(home, file), 'utf8')).pid

test('SIGTERM to npm while the parts are still starting ends them all, exit code 0', async (t) => {
  const start = npmStart(t, await settings(ownHome(t)))
  await start.until('Starting the API')
  const traces = tracesOf(start.pid)
  process.kill(start.pid, 'SIGTERM')
  assert.equal(await start.ended, 0)
  assert.match(start.printed(), /Stopped\./)
  await assertGone(traces)
})
