import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createReady } from '#functions/ready/ready.ts'
import { type ProblemCode, WarrenError } from '#lib/errors.ts'
import { assertDocumented } from '../support/documented.ts'
import { fakePublisher } from '../support/publisher.ts'
import { publishRequest, recordedLog } from '../support/requests.ts'

const PATH = '/health/ready'

async function ask(ready: () => Promise<void>) {
  const { publisher, activity } = fakePublisher(() => Promise.reject(new Error('not asked')))
  const answer = createReady({ publisher: { ...publisher, ready }, log: recordedLog().log })
  const { status, headers, body } = await answer(publishRequest({ method: 'GET', path: PATH }))
  assertDocumented('GET', PATH, { status, contentType: headers['content-type'] ?? '', body })
  assert.equal(activity.notes, 1, 'a freeze is noticed')
  return { status, body: JSON.parse(body) }
}

test('ready is 200', async () => {
  assert.deepEqual(await ask(async () => {}), { status: 200, body: { status: 'ready' } })
})

for (const code of [
  'broker-unavailable',
  'broker-blocked',
  'broker-misconfigured',
] satisfies ProblemCode[]) {
  test(`${code} is the answer that a message would get`, async () => {
    const { status, body } = await ask(() => Promise.reject(new WarrenError(code)))
    assert.deepEqual([status, body.code], [503, code])
  })
}
