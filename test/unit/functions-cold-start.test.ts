import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import type {
  APIGatewayAuthorizerResult,
  APIGatewayProxyEvent,
  APIGatewayProxyResult,
  APIGatewayRequestAuthorizerEvent,
  Context,
} from 'aws-lambda'
import { freePorts } from '#infra/local/ports.ts'
import { bundle } from '#infra/plugins/bundle.ts'
import { digestOf } from '#lib/auth/tokens.ts'
import { authorizerEvent, lambdaContext, restEvent } from '../support/events.ts'
import { SECRET_ARN, type SecretsManager, startSecretsManager } from '../support/secrets-manager.ts'
import { until } from '../support/until.ts'

type Handler<E, R> = (event: E, context: Context) => Promise<R>
type Publish = Handler<APIGatewayProxyEvent, APIGatewayProxyResult>
type Authorize = Handler<APIGatewayRequestAuthorizerEvent, APIGatewayAuthorizerResult>

const SETTINGS = /^(AMQP|RABBIT|API_TOKEN|LOG_LEVEL|IS_OFFLINE|MAX_BODY)/
const TOKEN = 'k'.repeat(40)
let starts = 0

/** A function as Lambda starts it: its modules loaded anew, with these settings; and what it logs. */
async function start<H>(t: TestContext, name: string, env: Record<string, string>) {
  const lines: string[] = []
  t.mock.method(fs, 'writeSync', (_: number, bytes: Buffer) => {
    lines.push(String(bytes))
    return bytes.length
  })
  for (const key of Object.keys(process.env)) if (SETTINGS.test(key)) delete process.env[key]
  Object.assign(process.env, env)
  starts += 1
  const file = new URL(`../../functions/${name}/handler.ts?${starts}`, import.meta.url)
  const { handler } = (await import(file.href)) as { handler: H }
  return { handler, lines }
}

const bearer = (token: string) => authorizerEvent({ Authorization: [`Bearer ${token}`] })
const ask = (authorize: Authorize, token: string) => authorize(bearer(token), lambdaContext())

describe('the publish function', () => {
  test('with wrong settings logs all of them once and answers 503', async (t) => {
    const env = { AMQP_URL: 'http://u:hunter2@h', LOG_LEVEL: 'loud' }
    const { handler, lines } = await start<Publish>(t, 'publish', env)
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /AMQP_URL .*LOG_LEVEL |LOG_LEVEL .*AMQP_URL /s)
    const { statusCode, headers, body } = await handler(restEvent(), lambdaContext())
    const { code, outcome, retryable } = JSON.parse(body)
    assert.deepEqual(
      [statusCode, code, outcome, retryable],
      [503, 'broker-misconfigured', 'not-published', true],
    )
    assert.equal(headers?.['retry-after'], '30')
    assert.doesNotMatch(body + lines.join(), /hunter2|loud/)
  })

  test('answers 503 while no broker is there, and 401 without an authorizer before it', async (t) => {
    const [port] = await freePorts(1)
    const env = { AMQP_URL: `amqp://u:hunter2@127.0.0.1:${port}` }
    const { handler, lines } = await start<Publish>(t, 'publish', env)
    const away = await handler(restEvent(), lambdaContext())
    assert.deepEqual([away.statusCode, JSON.parse(away.body).code], [503, 'broker-unavailable'])
    const nobody = await handler(restEvent({ authorizer: null }), lambdaContext())
    assert.deepEqual([nobody.statusCode, JSON.parse(nobody.body).code], [401, 'unauthorized'])
    assert.doesNotMatch(lines.join(), /hunter2/)
  })

  test('reads its URL from a secret', async (t) => {
    const [port] = await freePorts(1)
    manager.secrets.set(SECRET_ARN, `amqp://u:p@127.0.0.1:${port}`)
    const { handler } = await start<Publish>(t, 'publish', { AMQP_URL_SECRET_ARN: SECRET_ARN })
    const { body } = await handler(restEvent(), lambdaContext())
    assert.equal(JSON.parse(body).code, 'broker-unavailable')
    manager.secrets.set(SECRET_ARN, 'placeholder')
    const fresh = await start<Publish>(t, 'publish', { AMQP_URL_SECRET_ARN: SECRET_ARN })
    const misconfigured = await fresh.handler(restEvent(), lambdaContext())
    assert.equal(JSON.parse(misconfigured.body).code, 'broker-misconfigured')
  })
})

describe('the authorizer function', () => {
  for (const [what, env] of [
    ['no tokens at all', {}],
    ['a weak token where everybody can come', { API_TOKEN: 'super_secret_key' }],
    ['a token that no header can carry', { API_TOKEN: 'é'.repeat(40), IS_OFFLINE: 'true' }],
  ] as const) {
    test(`with ${what} lets nobody in and calls nobody unknown`, async (t) => {
      const { handler, lines } = await start<Authorize>(t, 'authorizer', env)
      await assert.rejects(ask(handler, TOKEN), (error: Error) => error.message !== 'Unauthorized')
      assert.equal(lines.length, 1)
      assert.match(lines[0] ?? '', /API_TOKEN/)
    })
  }

  test('takes a weak token on loopback', async (t) => {
    const env = { API_TOKEN: 'super_secret_key', IS_OFFLINE: 'true' }
    const { handler } = await start<Authorize>(t, 'authorizer', env)
    assert.equal((await ask(handler, 'super_secret_key')).principalId, 'default')
    await assert.rejects(ask(handler, 'other'), { message: 'Unauthorized' })
  })

  const secretOf = (token: string) => {
    const entry = { name: 'billing', sha256: digestOf(token).toString('hex'), publish: [] }
    return JSON.stringify({ tokens: [entry] })
  }
  const env = { API_TOKENS_SECRET_ARN: SECRET_ARN, API_TOKEN: TOKEN }

  test('begins to read tokens from a secret when it starts, before anybody asks', async (t) => {
    manager.secrets.set(SECRET_ARN, secretOf('t'))
    const served = manager.served.length
    const { handler } = await start<Authorize>(t, 'authorizer', env)
    await until('the secret to be read', () => manager.served.length > served)
    assert.equal((await ask(handler, 't')).principalId, 'billing')
    assert.equal(manager.served.length, served + 1)
    assert.equal((await ask(handler, TOKEN)).principalId, 'default')
    await assert.rejects(ask(handler, 'other'), { message: 'Unauthorized' })
  })

  test('answers within its 800 ms even if the store is silent', async (t) => {
    manager.mode = 'silent'
    const { handler } = await start<Authorize>(t, 'authorizer', env)
    const started = performance.now()
    await assert.rejects(ask(handler, 't'), (error: Error) => error.message !== 'Unauthorized')
    // 800 ms promised; the slack is for a busy machine.
    assert.ok(performance.now() - started < 1_500)
    manager.mode = 'answer'
    manager.secrets.set(SECRET_ARN, secretOf('t'))
    assert.equal((await ask(handler, 't')).principalId, 'billing')
  })
})

let manager: SecretsManager
before(async () => {
  manager = await startSecretsManager()
})
after(() => manager.close())

for (const [name, needsSecrets] of [
  ['publish', true],
  ['batch', true],
  ['authorizer', true],
  ['health', false],
  ['fallback', false],
] as const) {
  test(`the ${name} function loads no AWS SDK at its start`, async () => {
    const entry = `functions/${name}/handler.ts`
    const { metafile, beside } = await bundle(entry)
    const eager = new Set([entry])
    for (const file of eager) {
      for (const { path, kind } of metafile.inputs[file]?.imports ?? []) {
        if (kind !== 'dynamic-import') eager.add(path)
      }
    }
    const isSdk = (file: string) => /@aws-sdk|@smithy/.test(file)
    assert.deepEqual([...eager].filter(isSdk), [])
    assert.equal(beside.length > 0, needsSecrets)
  })
}
