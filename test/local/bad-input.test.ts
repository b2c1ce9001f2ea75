import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { freePorts } from '#infra/local/ports.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { npmStart, ownHome } from '../support/stack.ts'

let broker: Broker
before(async () => {
  broker = await startBroker()
})
after(() => broker.dispose())

const SECRET = 'topsecret'

/** What a person sees who starts with these settings: it must end, in words, without a secret. */
async function refused(t: TestContext, env: NodeJS.ProcessEnv, args: readonly string[] = []) {
  const [port] = await freePorts(1)
  const start = npmStart(
    t,
    { EDGE_PORT: String(port), WARREN_HOME: ownHome(t), WARREN_INSTALL: '0', ...env },
    { args },
  )
  assert.equal(await start.ended, 2, start.printed())
  assert.doesNotMatch(start.printed(), /^\s+at /m, 'a stack trace')
  assert.doesNotMatch(start.printed(), new RegExp(SECRET))
  return start.printed()
}

test('every wrong setting is named, all in one answer', async (t) => {
  const printed = await refused(t, {
    EDGE_PORT: '99999',
    WARREN_INSTALL: 'perhaps',
    LOG_LEVEL: 'loud',
    MAX_BODY_BYTES: '-1',
    AMQP_URL: `ftp://user:${SECRET}@127.0.0.1`,
    API_TOKENS_FILE: '/nowhere/tokens.json',
  })
  assert.deepEqual(printed.match(/^ {2}- \w+/gm)?.sort(), [
    '  - AMQP_URL',
    '  - API_TOKENS_FILE',
    '  - EDGE_PORT',
    '  - LOG_LEVEL',
    '  - MAX_BODY_BYTES',
    '  - WARREN_INSTALL',
  ])
})

test('a broker that refuses the login ends the start', async (t) => {
  const printed = await refused(t, {
    AMQP_URL: `amqp://${broker.user}:${SECRET}@127.0.0.1:${broker.amqpPort}/`,
  })
  assert.match(
    printed,
    /AMQP_URL: the broker at 127.0.0.1:\d+ refuses this user, password or vhost/,
  )
})

test('a vhost that the broker does not have ends the start', async (t) => {
  const printed = await refused(t, { AMQP_URL: broker.amqpUrl.replace('%2F', 'nowhere') })
  assert.match(printed, /refuses this user, password or vhost/)
})

test('a broker that nobody can reach, and a folder that cannot be used, are named together', async (t) => {
  const file = join(ownHome(t), 'file')
  writeFileSync(file, '')
  const [port] = await freePorts(1)
  const printed = await refused(t, {
    WARREN_HOME: join(file, 'home'),
    AMQP_URL: `amqp://user:${SECRET}@127.0.0.1:${port}/`,
  })
  assert.match(printed, /AMQP_URL: no broker can be reached at 127.0.0.1:\d+ \(.*ECONNREFUSED/)
  assert.match(printed, /WARREN_HOME: the folder .*home cannot be used/)
})

test('a file for a secret that is not there is named', async (t) => {
  assert.match(await refused(t, { AMQP_URL_FILE: '/nowhere/url' }), /AMQP_URL_FILE: cannot read/)
})

test('an argument that it does not know shows how to start it', async (t) => {
  assert.match(await refused(t, {}, ['--twice']), /npm start -- --once/)
})
