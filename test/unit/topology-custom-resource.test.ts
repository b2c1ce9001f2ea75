import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type { CloudFormationCustomResourceEvent as Event } from 'aws-lambda'
import {
  type Answer,
  type CustomResource,
  createCustomResource,
} from '#functions/topology/custom-resource.ts'
import { respond } from '#functions/topology/respond.ts'
import { recordedLog } from '../support/requests.ts'

const REQUEST = {
  ResponseURL: 'https://s3.example/answer',
  StackId: 'arn:aws:cloudformation:eu-west-1:123456789012:stack/warren-dev/1',
  RequestId: 'request-1',
  LogicalResourceId: 'Listener',
  ResourceType: 'Custom::Thing',
  ResourceProperties: { name: 'new' },
}

/** Calls it with a resource that is made of its property `name`; gives all answers. */
async function ask(
  event: Partial<Record<keyof Event | 'PhysicalResourceId' | 'OldResourceProperties', unknown>>,
  behaviour: Partial<CustomResource> = {},
  lambdaMs = 60_000,
) {
  const answers: Answer[] = []
  const { log, lines } = recordedLog()
  const calls: unknown[] = []
  const thing = (properties: unknown): CustomResource => {
    const { name } = properties as { name?: string }
    if (name === undefined) throw new Error('name must be set')
    return {
      id: `id of ${name}`,
      put: async (old) => void calls.push(['put', old]),
      remove: async (stack) => void calls.push(['remove', stack]),
      ...behaviour,
    }
  }
  await createCustomResource({
    typesOf: () => ({ 'Custom::Thing': thing }),
    respond: async (_, answer) => void answers.push(answer),
    log,
  })({ ...REQUEST, ...event } as unknown as Event, lambdaMs)
  return { answers, calls, lines }
}

const { StackId, RequestId, LogicalResourceId } = REQUEST
const answered = (Status: Answer['Status'], PhysicalResourceId: string, Reason = '') => ({
  StackId,
  RequestId,
  LogicalResourceId,
  Status,
  PhysicalResourceId,
  Reason,
})
const failing = { put: () => Promise.reject(new Error('amqp://u:secret@h is away')) }
const hanging = { put: () => new Promise<void>(() => {}) }
const known = { PhysicalResourceId: 'id of old', OldResourceProperties: { name: 'old' } }

describe('a custom resource', () => {
  test('is made, changed into another one, and taken away', async () => {
    const created = await ask({ RequestType: 'Create' })
    assert.deepEqual(created.answers, [answered('SUCCESS', 'id of new')])
    assert.deepEqual(created.calls, [['put', undefined]])
    const updated = await ask({ RequestType: 'Update', ...known })
    assert.deepEqual(updated.answers, [answered('SUCCESS', 'id of new')])
    assert.deepEqual(updated.calls, [['put', { name: 'old' }]])
    const deleted = await ask({ RequestType: 'Delete', PhysicalResourceId: 'id of new' })
    assert.deepEqual(deleted.answers, [answered('SUCCESS', 'id of new')])
    assert.deepEqual(deleted.calls, [['remove', 'warren-dev']])
  })

  test('that fails says why, without any password; a changed one stays who it was', async () => {
    const why = 'amqp://u:***@h is away'
    const created = await ask({ RequestType: 'Create' }, failing)
    assert.deepEqual(created.answers, [answered('FAILED', 'id of new', why)])
    const updated = await ask({ RequestType: 'Update', ...known }, failing)
    assert.deepEqual(updated.answers, [answered('FAILED', 'id of old', why)])
    assert.equal(updated.lines[0]?.message, 'failed')
  })

  test('that does not come to an end is answered before Lambda gives up', async () => {
    const started = performance.now()
    const { answers } = await ask({ RequestType: 'Create' }, hanging, 12_100)
    assert.deepEqual(answers, [answered('FAILED', 'id of new', 'it could not be done in time')])
    assert.ok(performance.now() - started < 2000)
  })

  test('whose properties or type are wrong was not made, and its deletion does nothing', async () => {
    const wrong = { ResourceProperties: {} }
    const [created] = (await ask({ RequestType: 'Create', ...wrong })).answers
    assert.deepEqual([created?.Status, created?.Reason], ['FAILED', 'name must be set'])
    const id = { PhysicalResourceId: created?.PhysicalResourceId }
    const deleted = await ask({ RequestType: 'Delete', ...wrong, ...id })
    assert.deepEqual(
      [deleted.answers[0]?.Status, deleted.calls, deleted.lines[0]?.message],
      ['SUCCESS', [], 'done'],
    )
    const unknown = await ask({ RequestType: 'Create', ResourceType: 'Custom::Other' })
    assert.match(unknown.answers[0]?.Reason ?? '', /^Custom::Other is not known/)
  })

  test('never blocks its stack: a deletion that fails, or hangs, succeeds and is logged', async () => {
    const id = { RequestType: 'Delete', PhysicalResourceId: 'x' }
    for (const [remove, lambdaMs] of [
      [() => Promise.reject(new Error('away')), 60_000],
      [() => new Promise<void>(() => {}), 12_100],
    ] as const) {
      const { answers, lines } = await ask(id, { remove }, lambdaMs)
      assert.deepEqual([answers.length, answers[0]?.Status], [1, 'SUCCESS'])
      assert.deepEqual([lines.length, lines[0]?.message], [1, 'left behind'])
    }
    const { answers } = await ask({ ...id, ResourceProperties: {} })
    assert.equal(answers[0]?.Status, 'SUCCESS')
  })
})

describe('an answer to CloudFormation', () => {
  const answer = answered('SUCCESS', 'x')

  async function startBucket(t: TestContext, statuses: number[]) {
    const seen: { method?: string; type: string | undefined; body: string }[] = []
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', headers } = request
        seen.push({ method, type: headers['content-type'], body: String(Buffer.concat(chunks)) })
        response.writeHead(statuses.shift() ?? 200).end()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/a?signature=x` }
  }

  test('is put without a content type, which its signature does not know', async (t) => {
    const { seen, url } = await startBucket(t, [])
    await respond(url, answer)
    assert.deepEqual(seen, [{ method: 'PUT', type: undefined, body: JSON.stringify(answer) }])
  })

  test('is put again when it was not taken, and no more once it was', async (t) => {
    const { seen, url } = await startBucket(t, [500, 200])
    await respond(url, answer)
    assert.equal(seen.length, 2)
  })

  test('that is never taken lets Lambda call again', async (t) => {
    const { seen, url } = await startBucket(t, [403, 403, 403])
    await assert.rejects(respond(url, answer), /took no answer/)
    assert.equal(seen.length, 3)
  })
})
