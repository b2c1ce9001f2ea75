import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { prepareStack } from '../support/docker.ts'
import { startElsewhere } from '../support/elsewhere.ts'
import { endOfFile } from '../support/ending.ts'
import { haveInstalled } from '../support/installed.ts'
import { startLoad } from '../support/stack-load.ts'

const TOKEN = 'a-token-of-the-slowness-tests-0123456789abcdef'

await haveInstalled({ slowhttptest: 'slowhttptest' })
const ending = endOfFile()
// From another machine: on loopback Docker's own proxy would stand in between, and take in for the slow
// ones whatever the edge has for them.
const elsewhere = await startElsewhere(ending)
const stack = await prepareStack(ending, {
  dotenv: { API_TOKEN: TOKEN, EDGE_BIND: elsewhere.here },
})
await stack.compose(['build'])
await stack.compose(['up', '--detach', '--wait'])

/** On a machine that others use, too, a good caller may wait that long without anybody's fault. */
const FLOOR_MS = 500

/** Each has a file and a connection of the edge's, and some one of the gateway's as well. */
const CONNECTIONS = 400
const LASTS_S = 20

const LARGEST = '/docs/swagger-ui-bundle.js'

const COMMON = ['-c', String(CONNECTIONS), '-r', '100', '-l', String(LASTS_S), '-i', '5', '-p', '2']
const ATTACKS: Readonly<Record<string, readonly string[]>> = {
  'headers that never end': ['-H', '-t', 'POST', '-x', '24', '-u', '/publish/exchange'],
  'bodies that never end': ['-B', '-s', '1000000', '-x', '10', '-u', '/publish/exchange'],
  // The largest answer that there is, in bits of 5 bytes a second.
  'an answer that is never read': ['-X', '-w', '512', '-y', '1024', '-u', LARGEST],
}

/** All but the slowest hundredth of so many publications take less, in milliseconds. */
async function p99(count: number): Promise<number> {
  const load = startLoad(
    { host: elsewhere.here, port: stack.port },
    { token: TOKEN, callers: 2, pauseMs: 10, count },
  )
  await load.ended
  const failed = load.answered.filter(({ status }) => status !== 200)
  assert.deepEqual(failed.slice(0, 3), [], `${failed.length} of ${count} failed`)
  const took = load.answered.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)
  return took[Math.floor(took.length * 0.99)] as number
}

const edge = `http://${elsewhere.here}:${stack.port}`

/** Begins an attack; `stillOn` tells whether it goes on. */
function attack(args: readonly string[]) {
  let over = false
  const absolute = args.map((arg) => (arg.startsWith('/') ? edge + arg : arg))
  // It polls what it does not read with a whole core, which an attacker brings along: here it yields.
  const command = ['-n', '19', 'slowhttptest', ...COMMON, ...absolute]
  const ended = elsewhere.run('nice', command).finally(() => {
    over = true
  })
  return { ended, stillOn: () => !over }
}

/** How many callers it had at the same time, by its own account. */
function mostConnected(printed: string): number {
  const counts = stripVTControlCharacters(printed).matchAll(/^connected: +(\d+)$/gm)
  return Math.max(...[...counts].map(([, count]) => Number(count)))
}

for (const [name, args] of Object.entries(ATTACKS)) {
  test(`${CONNECTIONS} callers with ${name} do not slow good ones down`, async (t) => {
    const alone = await p99(400)
    const { ended, stillOn } = attack(args)
    const beside = await p99(400)
    assert.ok(stillOn(), 'the attack was over before')
    const printed = await ended
    t.diagnostic(`p99 alone ${alone.toFixed(0)} ms, beside them ${beside.toFixed(0)} ms`)
    assert.ok(mostConnected(printed) > CONNECTIONS / 2, printed)
    assert.ok(beside < Math.max(2 * alone, FLOOR_MS), `${beside} ms beside them, ${alone} ms alone`)
  })
}
