import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { freePorts } from '#infra/local/ports.ts'
import { startTestApi, TOKEN } from '../support/api.ts'
import { startBroker } from '../support/broker.ts'
import { startEdge } from '../support/edge.ts'
import { endOfFile } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { checkProblem } from '../support/run-cases.ts'
import { send } from '../support/send.ts'

// The page and its files, byte for byte through all that may stand between them and a browser.
const ending = endOfFile()
const origins = new Map<string, string>()

before(async () => {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  const env = { AMQP_URL: broker.amqpUrl }
  const functions = (await startTestApi(ending, { env })).origin
  const edge = (await startEdge(ending, { API_URL: functions })).origin
  const gateway = (await startTestGateway(ending, env)).origin
  for (const [name, origin] of Object.entries({ functions, edge, gateway })) {
    origins.set(name, origin)
  }
})

const PACKAGE = join(import.meta.dirname, '..', '..', 'node_modules', 'swagger-ui-dist')
const FILES = ['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'swagger-ui.css']

for (const shell of ['functions', 'edge', 'gateway']) {
  const get = (path: string, headers: Record<string, string> = {}) =>
    send(origins.get(shell) as string, { method: 'GET', path, headers })

  describe(shell, () => {
    test('has the page, which may load from its own origin alone', async () => {
      const { status, headers, body } = await get('/docs')
      assert.equal(status, 200)
      assert.match(
        String(headers['content-security-policy']),
        /^default-src 'none'; script-src 'self'/,
      )
      assert.match(body.toString(), /<script defer src="docs\/swagger-ui-bundle\.js">/)
    })

    for (const name of FILES) {
      test(`has ${name} as the package has it, compressed or not`, async () => {
        const original = readFileSync(join(PACKAGE, name))
        const plain = await get(`/docs/${name}`)
        assert.equal(plain.headers['content-encoding'], undefined)
        assert.ok(plain.body.equals(original))
        const zipped = await get(`/docs/${name}`, { 'accept-encoding': 'gzip, deflate, br' })
        assert.equal(zipped.headers['content-encoding'], 'gzip')
        assert.ok(gunzipSync(zipped.body).equals(original))
      })
    }
  })
}

describe('readiness on API Gateway', () => {
  const request = {
    method: 'GET',
    path: '/health/ready',
    headers: { authorization: `Bearer ${TOKEN}` },
  }

  test('is 200 when the broker answers', async () => {
    const { status, json } = await send(origins.get('functions') as string, request)
    assert.deepEqual([status, json()], [200, { status: 'ready' }])
  })

  test('is the problem that a message would get when it does not', async (t) => {
    const [nobody] = (await freePorts(1)) as [number]
    const { origin } = await startTestApi(t, { env: { AMQP_URL: `amqp://127.0.0.1:${nobody}` } })
    checkProblem(await send(origin, request), 'broker-unavailable', { request })
  })
})
