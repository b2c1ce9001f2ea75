import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { appendFile, copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { prepareExternal, STAGE } from '../support/aws/deployment.ts'
import { createSecret, putValue } from '../support/aws/services/secrets.ts'
import { endOfFile } from '../support/ending.ts'
import { type Observer, observe } from '../support/messages.ts'
import { until } from '../support/until.ts'

/*
 * `sls deploy` in front of a RabbitMQ that a company has already: over TLS, with an authority of its
 * own. The tests are steps of one story, in this order.
 */

const HOST = 'rabbit.example.com'
/** The broker's certificate does not have this name. */
const OTHER = 'other.example.com'
const VHOST = 'orders'
const USER = 'shop'
const CA = 'company-ca.pem'
const RELAYS = `relays:
  - exchange: orders
    queue: billing
    mode: bind
`

const ending = endOfFile()
let deployment: Awaited<ReturnType<typeof prepareExternal>>
let observer: Observer
let token: string
/** ARNs of secrets with the broker's URL: under its name, and under the other one. */
let good: string
let wrong: string

before(async () => {
  deployment = await prepareExternal(ending, HOST, OTHER)
  const { broker, checkout, aws, caFile } = deployment
  await broker.ctl('add_vhost', VHOST)
  // As docs/aws.md has it: one user for all, and no administrator.
  await broker.ctl('add_user', USER, 'a-password')
  await broker.ctl('set_permissions', '-p', VHOST, USER, '.*', '.*', '.*')
  await broker.ctl('set_permissions', '-p', VHOST, broker.user, '.*', '.*', '.*')
  observer = await observe(broker.amqpUrl.replace(/%2F$/, VHOST))
  ending.after(() => observer.close())
  await copyFile(caFile, join(checkout, CA))
  await writeFile(join(checkout, 'infra', 'relays.yml'), RELAYS)
  const secretWith = (name: string, host: string) => {
    const secret = createSecret(aws, name, {})
    const url = `amqps://${USER}:a-password@${host}:5671/${VHOST}`
    putValue(secret, url, randomUUID(), ['AWSCURRENT'])
    return secret.arn
  }
  good = secretWith('rabbit', HOST)
  wrong = secretWith('rabbit-elsewhere', OTHER)
})

const deploy = (secretArn: string, ...params: readonly string[]) =>
  deployment.run(
    'infra/deploy/main.ts',
    ...['--stage', STAGE],
    ...['broker=external', `brokerSecretArn=${secretArn}`, ...params].flatMap((param) => [
      '--param',
      param,
    ]),
  )

const publish = (body: Buffer) =>
  deployment.call('POST', '/publish/orders', {
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body,
  })

const REFUSED = {
  'an authority that nobody knows': () => deploy(good),
  'a certificate for another name': () => deploy(wrong, `brokerCaFile=${CA}`),
}
for (const [what, deployWrongly] of Object.entries(REFUSED)) {
  test(`${what} is refused, and nothing is left behind`, async () => {
    const { code, output } = await deployWrongly()
    assert.notEqual(code, 0)
    assert.match(output, /certificate/)
    assert.equal((await deployment.serverless('remove')).code, 0)
    assert.equal(deployment.aws.stacks.size, 0)
  })
}

test('with the authority it is deployed: no broker, no network, no task, and no image is built', async () => {
  const { code, output } = await deploy(good, `brokerCaFile=${CA}`)
  assert.equal(code, 0, output)
  const types = [...deployment.stack().resources.values()].map(({ type }) => type)
  assert.deepEqual(
    types.filter((type) => /^AWS::(AmazonMQ|EC2|ECS)::/.test(type)),
    [],
  )
  assert.deepEqual(deployment.aws.docker, [])
})

test('a message gets into the queue with its very bytes', async () => {
  token = await deployment.newToken('shop', 'orders')
  const body = Buffer.from('{ "amount" : 1.10,\n"to": "Zoë" }')
  const answer = await until(
    'a message is published',
    async () => {
      const { status, json } = await publish(body)
      return status === 200 ? json : undefined
    },
    90_000,
  )
  const message = await observer.channel.get('billing', { noAck: true })
  assert.ok(message)
  assert.equal(message.properties.messageId, answer['messageId'])
  assert.deepEqual(message.content, body)
})

test('a listener that copies gets its task, and a small network for it', async () => {
  const relays = join(deployment.checkout, 'infra', 'relays.yml')
  await appendFile(relays, '  - exchange: orders\n    queue: audit\n')
  const { code, output } = await deploy(good, `brokerCaFile=${CA}`)
  assert.equal(code, 0, output)
  const body = Buffer.from('"copied"')
  await until('a message is published', async () => (await publish(body)).status === 200, 90_000)
  await until('it is in audit', async () => {
    const message = await observer.channel.get('audit', { noAck: true })
    return message !== false && message.content.equals(body)
  })
})

test('removing it leaves the broker as its owner had it, but for what holds messages', async () => {
  const { code, output } = await deployment.serverless('remove')
  assert.equal(code, 0, output)
  assert.equal(deployment.aws.stacks.size, 0)
  const listed = await deployment.broker.ctl('-q', 'list_queues', '-p', VHOST, 'name')
  assert.deepEqual(listed.trim().split('\n').sort(), ['audit', 'billing', 'name'])
})
