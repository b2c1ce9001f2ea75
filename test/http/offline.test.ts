import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChildFailed } from '#infra/local/child.ts'
import { freePorts, whyNotFree } from '#infra/local/ports.ts'
import { startTestApi, TOKEN } from '../support/api.ts'
import { ONLY_LOOPBACK } from '../support/package.ts'
import { checkProblem } from '../support/run-cases.ts'
import { send } from '../support/send.ts'

test('wrong settings end the start, all of them named and none of their values shown', async (t) => {
  const env = {
    AMQP_URL: 'http://somebody:hidden@broker.example',
    HEARTBEAT_S: '0',
    LOG_LEVEL: 'loud',
  }
  await assert.rejects(startTestApi(t, { env }), (error: unknown) => {
    assert.ok(error instanceof ChildFailed)
    assert.match(error.message, /exit code 1/)
    for (const name of Object.keys(env)) assert.match(error.message, new RegExp(name))
    assert.doesNotMatch(error.message, /hidden|\n\s+at /)
    return true
  })
})

test('without a broker nothing is published, and the answer says so', async (t) => {
  const [nobody] = (await freePorts(1)) as [number]
  const secret = 'a-secret-of-the-broker'
  const env = {
    AMQP_URL: `amqp://user:${secret}@127.0.0.1:${nobody}`,
    NODE_OPTIONS: `--require ${ONLY_LOOPBACK}`,
  }
  const api = await startTestApi(t, { env })
  const request = {
    path: '/publish/orders',
    headers: { authorization: `Bearer ${TOKEN}` },
    body: 'a-secret-of-the-caller',
  }
  checkProblem(await send(api.origin, request), 'broker-unavailable', { request })
  const logs = await api.logs()
  assert.match(logs, /broker-unavailable/)
  assert.doesNotMatch(logs, /CONNECTS TO/, 'it calls no other host')
  for (const hidden of [TOKEN, secret, request.body]) assert.ok(!logs.includes(hidden), hidden)
})

test('SIGTERM ends it in order, and the port is free again', async (t) => {
  const api = await startTestApi(t, { env: { AMQP_URL: 'amqp://127.0.0.1' } })
  assert.deepEqual(await api.child.stop(), { code: 0, signal: null })
  assert.equal(await whyNotFree(Number(new URL(api.origin).port)), undefined)
})
