import assert from 'node:assert/strict'
import { before, describe, type TestContext, test } from 'node:test'
import { PROBLEMS } from '#lib/errors.ts'
import { TOKEN } from '../support/api.ts'
import { startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { type Failure, failingFirst } from '../support/failing-first.ts'
import { type Gateway, startTestGateway } from '../support/gateway.ts'
import { haveInstalled } from '../support/installed.ts'
import { declareQueues, type Queues } from '../support/queues.ts'
import { LANGUAGES, type Language, runSender } from '../support/senders.ts'

// docs/api.md, "Send again": its very lines, before a real gateway that fails first.
const ending = endOfFile()
let gateway: Gateway
let queues: Queues

before(async () => {
  const JDK = 'openjdk-17-jdk-headless'
  await haveInstalled({ php: 'php-cli', python3: 'python3', java: JDK, javac: JDK, curl: 'curl' })
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  queues = await declareQueues(ending, broker.amqpUrl)
  gateway = await startTestGateway(ending, { AMQP_URL: broker.amqpUrl })
})

const BODY = '{"n": 9007199254740993, "text": "ü \\"quoted\\" $x `y`"}'

async function publish(
  t: TestContext,
  language: Language,
  failures: readonly Failure[],
  body = BODY,
) {
  const { origin, attempts } = await failingFirst(t, gateway.origin, failures)
  const run = await runSender(language, [`${origin}/publish/orders`, TOKEN, body])
  const taken = (await queues.drain()).map(({ message }) => message)
  const keys = new Set(attempts.map(({ key }) => key))
  assert.equal(keys.size, 1, 'one id for all tries')
  for (const { content, properties } of taken) {
    assert.equal(content.toString(), BODY)
    assert.ok(keys.has(properties.messageId), 'the id is the message’s')
    assert.equal(properties.contentType, 'application/json')
  }
  const waits = attempts.slice(1).map(({ atMs }, i) => atMs - (attempts[i]?.atMs ?? 0))
  return { ...run, tries: attempts.length, waits, messages: taken.length }
}

type Result = Awaited<ReturnType<typeof publish>>

function assertPublished(result: Result, tries: number, messages = 1): void {
  assert.ok(result.succeeded, result.printed)
  assert.match(result.printed, /"status":"OK"/)
  assert.deepEqual([result.tries, result.messages], [tries, messages], result.printed)
}

function assertRefused(result: Result, says: RegExp, tries = 1): void {
  assert.ok(!result.succeeded)
  assert.match(result.printed, says)
  assert.deepEqual([result.tries, result.messages], [tries, 0], result.printed)
}

for (const language of LANGUAGES) {
  describe(language.fence, () => {
    test('publishes at once', async (t) => {
      assertPublished(await publish(t, language, []), 1)
    })

    test('sends again after 503, not before Retry-After', async (t) => {
      const result = await publish(t, language, [
        { kind: 'problem', code: 'nacked' },
        { kind: 'problem', code: 'broker-blocked' },
      ])
      assertPublished(result, 3)
      const [first = 0, second = 0] = result.waits
      assert.ok(first >= PROBLEMS.nacked.retryAfterS * 1000 - 50, `${first} ms`)
      assert.ok(second >= PROBLEMS['broker-blocked'].retryAfterS * 1000 - 50, `${second} ms`)
    })

    test('sends again with the same id when the answer was lost on its way', async (t) => {
      const result = await publish(t, language, [{ kind: 'lost', code: 'confirm-timeout' }])
      assertPublished(result, 2, 2)
    })

    test('sends again after no answer, and after 502 of something in between', async (t) => {
      const result = await publish(t, language, [{ kind: 'cut' }, { kind: 'page', status: 502 }])
      assertPublished(result, 3)
    })

    test('sends what is not valid once', async (t) => {
      assertRefused(await publish(t, language, [], '{'), /malformed-json/)
    })

    test('sends nothing again after 404 of something in between', async (t) => {
      assertRefused(await publish(t, language, [{ kind: 'page', status: 404 }]), /Sorry/)
    })

    test('gives up after eight tries', async (t) => {
      const down: Failure = { kind: 'problem', code: 'overloaded' }
      assertRefused(await publish(t, language, Array(9).fill(down)), /overloaded/, 8)
    })
  })
}
