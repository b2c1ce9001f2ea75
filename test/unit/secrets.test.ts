import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { deadlineIn } from '#lib/deadline.ts'
import { brokerUrlFrom, secretReader } from '#lib/secrets.ts'
import { rejection } from '../support/errors.ts'
import { recordedLog } from '../support/requests.ts'
import { SECRET_ARN, type SecretsManager, startSecretsManager } from '../support/secrets-manager.ts'

let manager: SecretsManager
before(async () => {
  manager = await startSecretsManager()
})
after(() => manager.close())
beforeEach(() => {
  manager.mode = 'answer'
  manager.secrets.clear()
})

describe('a secret', () => {
  test('is read from where AWS_ENDPOINT_URL_SECRETS_MANAGER says', async () => {
    manager.secrets.set(SECRET_ARN, 'the text')
    assert.equal(await secretReader(SECRET_ARN)(deadlineIn(5_000)), 'the text')
  })

  test('that is not there is an error', async () => {
    await assert.rejects(secretReader(SECRET_ARN)(deadlineIn(5_000)), /not there/)
  })

  test('is not waited for beyond the deadline', async () => {
    const read = secretReader(SECRET_ARN)
    manager.secrets.set(SECRET_ARN, 'the text')
    await read(deadlineIn(5_000))
    manager.mode = 'silent'
    const started = performance.now()
    await assert.rejects(read(deadlineIn(100)))
    assert.ok(performance.now() - started < 1_000)
    await assert.rejects(read(deadlineIn(-1)))
  })
})

describe('the URL of the broker from its secret', () => {
  const url = 'amqps://warren:hunter2@broker.example:5671/prod'
  const start = (arn = SECRET_ARN) => {
    const { log, lines } = recordedLog()
    return { read: brokerUrlFrom(secretReader(arn), log), lines }
  }

  test('is read once, and anew when the broker refused it', async () => {
    const arn = `${SECRET_ARN}-once`
    manager.secrets.set(arn, `${url}\n`)
    const { read } = start(arn)
    assert.deepEqual(await Promise.all([read(false), read(false)]), [url, url])
    assert.equal(await read(false), url)
    assert.deepEqual(
      manager.served.filter((served) => served === arn),
      [arn],
    )
    manager.secrets.set(arn, 'amqp://rotated@h')
    assert.equal(await read(true), 'amqp://rotated@h')
  })

  test('is the last good one while the store is away', async () => {
    manager.secrets.set(SECRET_ARN, url)
    const { read, lines } = start()
    await read(false)
    manager.mode = 'silent'
    const started = performance.now()
    assert.equal(await read(true), url)
    assert.ok(performance.now() - started < 3_000)
    assert.equal(lines[0]?.message, 'broker secret not read')
  })

  test('that was never read means that the broker cannot be reached', async () => {
    const error = await rejection(start().read(false))
    assert.equal(error.code, 'broker-unavailable')
  })

  for (const text of ['', 'placeholder', 'https://u:hunter2@h', '{"url":"amqp://u:hunter2@h"}']) {
    test(`that is ${JSON.stringify(text)} is the operator’s to correct, and is not shown`, async () => {
      manager.secrets.set(SECRET_ARN, text)
      const { read, lines } = start()
      const error = await rejection(read(false))
      assert.equal(error.code, 'broker-misconfigured')
      assert.doesNotMatch(JSON.stringify(lines), /hunter2|placeholder/)
    })
  }
})
