import assert from 'node:assert/strict'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { type Deployment, prepareDeployment, STAGE } from '../support/aws/deployment.ts'
import { endOfFile } from '../support/ending.ts'
import { type Observer, observe } from '../support/messages.ts'
import { until } from '../support/until.ts'

/*
 * `sls deploy` for real, against an AWS of our own (test/support/aws): its functions, custom resources
 * and relays run, against a real RabbitMQ. The tests are steps of one story, in this order.
 */

const ending = endOfFile()
let deployment: Deployment
let observer: Observer
/** May publish to the exchange of infra/relays.yml alone. */
let token: string

before(async () => {
  deployment = await prepareDeployment(ending)
})

/** `npm run deploy -- --stage dev` */
const deploy = (...args: string[]) =>
  deployment.run('infra/deploy/main.ts', '--stage', STAGE, ...args)

/** The events since the last deployment began, e.g. `CREATE_COMPLETE RelayTopic1Task`. */
function happened(): string[] {
  const { events, name } = deployment.stack()
  const last = events.findIndex(
    ({ LogicalResourceId, ResourceStatus }) =>
      LogicalResourceId === name && /^(CREATE|UPDATE|DELETE)_IN_PROGRESS$/.test(ResourceStatus),
  )
  const since = events.slice(0, last).filter(({ LogicalResourceId }) => LogicalResourceId !== name)
  return since.map((event) => `${event.ResourceStatus} ${event.LogicalResourceId}`).toReversed()
}

const bearer = () => ({ authorization: `Bearer ${token}` })

const publish = (path: string, body: string | Buffer = '{}', headers = bearer()) =>
  deployment.call('POST', `/publish/${path}`, {
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })

/** Publishes once the functions have started and know the token; on a slow machine that takes tries. */
const publishOnceReady = (path: string, body?: string | Buffer) =>
  until(
    `a message gets to ${path}`,
    async () => {
      const answer = await publish(path, body)
      return answer.status === 200 ? answer : undefined
    },
    90_000,
  )

/** The message with this id, out of a queue; what was before it goes. */
const arrived = (queue: string, messageId: unknown) =>
  until(
    `message ${messageId} in ${queue}`,
    async () => {
      const message = await observer.channel.get(queue, { noAck: true })
      return message !== false && message.properties.messageId === messageId ? message : undefined
    },
    60_000,
  )

test('what would stop a deployment halfway is told before it begins, all at once', async () => {
  const { code, output } = await deploy('--param', 'publishConcurrency=125', '--param', 'size=huge')
  assert.equal(code, 2, output)
  assert.match(output, /size/)
  deployment.aws.unreserved = 200
  const late = await deploy('--param', 'publishConcurrency=125')
  deployment.aws.unreserved = 1000
  assert.equal(late.code, 2, late.output)
  assert.match(late.output, /publishConcurrency=125 leaves fewer than 100/)
  assert.equal(deployment.aws.stacks.size, 0)
  assert.deepEqual(deployment.aws.docker.splice(0), ['version --format {{.Server.Version}}'])
})

test('one command makes everything', async () => {
  const { code, output } = await deploy()
  assert.equal(code, 0, output)
  assert.equal(deployment.stack().status, 'UPDATE_COMPLETE')
  assert.deepEqual(
    deployment.aws.docker.map((line) =>
      line.replace(/\d+\.dkr[^/ ]+\//g, '').replace(/:\w{20}/g, ':TAG'),
    ),
    [
      'version --format {{.Server.Version}}',
      'login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com',
      'build --platform linux/arm64 --file relay/Dockerfile --tag warren-dev/relay:TAG .',
      'push warren-dev/relay:TAG',
      'build --platform linux/arm64 --file infra/edge/Dockerfile --tag warren-dev/edge:TAG .',
      'push warren-dev/edge:TAG',
    ],
  )
  assert.match(
    output,
    new RegExp(`curl -i ${deployment.output('ServiceEndpoint')}/publish/exchange `),
  )
  assert.match(output, /npm run token -- new NAME --publish 'exchange' --stage dev/)
  const { broker } = deployment
  // The broker's own user looks on, beside those that the stack has made.
  await broker.ctl('set_permissions', '-p', 'warren', broker.user, '.*', '.*', '.*')
  observer = await observe(broker.amqpUrl.replace(/%2F$/, 'warren'))
  ending.after(() => observer.close())
})

test('a token that was made for the stage publishes, and each relay delivers the very bytes', async () => {
  token = await deployment.newToken('billing', 'exchange')
  const body = Buffer.from('{ "amount" : 1.10,\n"to": "Zoë" }')
  const { json, headers } = await publishOnceReady('exchange', body)
  assert.equal(json['status'], 'OK')
  assert.equal(headers['content-type'], 'application/json')
  for (const queue of ['topic1', 'topic2']) {
    const { content } = await arrived(queue, json['messageId'])
    assert.deepEqual(content, body)
  }
})

test('each refusal is what the status table says, whoever gives it', async () => {
  await observer.channel.assertExchange('exchange.unbound', 'fanout')
  const any = await deployment.newToken('any', '*')
  const known = { authorization: `Bearer ${any}` }
  await until(
    'the new token is known',
    async () => (await publish('exchange', '{}', known)).status === 200,
    90_000,
  )
  const unknown = { authorization: 'Bearer nobody-has-this-token' }
  const large = Buffer.alloc(4_700_000, ' ').fill('[]', 0, 2)
  const tooLargeForLambda = Buffer.alloc(6 * 1024 * 1024)
  const cases: readonly [number, string, () => ReturnType<typeof publish>][] = [
    [401, 'unauthorized', () => publish('exchange', '{}', unknown)],
    [401, 'unauthorized', () => deployment.call('POST', '/publish/exchange', { body: '{}' })],
    [403, 'forbidden-destination', () => publish('exchange.unbound')],
    [404, 'exchange-not-found', () => publish('nobody-declared-this', '{}', known)],
    [404, 'not-found', () => deployment.call('GET', '/nowhere')],
    [
      405,
      'method-not-allowed',
      () => deployment.call('PUT', '/publish/exchange', { headers: known }),
    ],
    [413, 'body-too-large', () => publish('exchange', large)],
    [413, 'body-too-large', () => publish('exchange', tooLargeForLambda)],
    [400, 'malformed-json', () => publish('exchange', '{')],
    [422, 'unroutable', () => publish('exchange.unbound', '{}', known)],
  ]
  for (const [status, code, ask] of cases) {
    const { json, headers, ...answer } = await ask()
    assert.deepEqual(
      [answer.status, json['code'], json['outcome']],
      [status, code, 'not-published'],
    )
    assert.equal(headers['content-type'], 'application/problem+json')
  }
})

test('no function has called what its role does not allow', () => {
  const { logs } = deployment.aws
  for (const [group, lines] of logs) assert.doesNotMatch(lines.join('\n'), /not authorized/, group)
})

test('deploying the same again changes nothing', async () => {
  const events = deployment.stack().events.length
  const { code, output } = await deployment.serverless('deploy')
  assert.equal(code, 0, output)
  assert.match(output, /No changes to deploy/)
  assert.equal(deployment.stack().events.length, events)
})

const relaysFile = () => join(deployment.checkout, 'infra', 'relays.yml')
const AUDIT = '  - exchange: exchange\n    queue: audit\n'

test('one more entry is one more relay, and touches no other', async () => {
  const pids = () => [...deployment.aws.services.values()].map(({ task }) => task?.child?.pid)
  const running = pids()
  await appendFile(relaysFile(), AUDIT)
  const { code, output } = await deployment.serverless('deploy')
  assert.equal(code, 0, output)
  const created = happened().filter((event) => event.startsWith('CREATE_COMPLETE'))
  for (const event of created) assert.match(event, /RelayAudit|ApiGatewayDeployment/)
  assert.ok(created.includes('CREATE_COMPLETE RelayAuditService'))
  assert.deepEqual(pids().slice(0, running.length), running)
  const { json } = await publishOnceReady('exchange')
  await arrived('audit', json['messageId'])
})

test('npm run detach retires a listener, and what waits for it is delivered before', async () => {
  const { code, output } = await deployment.run(
    'infra/deploy/detach.ts',
    ...['--stage', STAGE, 'audit'],
  )
  assert.equal(code, 0, output)
  assert.match(output, /audit is retired/)
  const queues = await deployment.broker.ctl('-q', 'list_queues', '-p', 'warren', 'name')
  assert.deepEqual(queues.match(/\S*audit\S*/g), ['audit'])
})

test('without the entry the relay goes, and nothing is left to fill up', async () => {
  await writeFile(relaysFile(), (await readFile(relaysFile(), 'utf8')).replace(AUDIT, ''))
  const { code, output } = await deployment.serverless('deploy')
  assert.equal(code, 0, output)
  const deleted = happened().filter((event) => event.startsWith('DELETE_COMPLETE'))
  assert.ok(deleted.includes('DELETE_COMPLETE RelayAuditService'))
  assert.ok(deleted.includes('DELETE_COMPLETE RelayAuditListener'))
  const queues = await deployment.broker.ctl('-q', 'list_queues', '-p', 'warren', 'name')
  assert.deepEqual(queues.match(/\S*audit\S*/g), ['audit'], 'the destination is its owner’s')
})

test('a deployment that fails is taken back as a whole, and the old one serves on', async () => {
  // Its image is another one then, and nobody has pushed it.
  await appendFile(join(deployment.checkout, 'relay', 'main.ts'), '\n// changed\n')
  const { code, output } = await deployment.serverless('deploy')
  assert.notEqual(code, 0)
  assert.match(output, /image not found/)
  assert.equal(deployment.stack().status, 'UPDATE_ROLLBACK_COMPLETE')
  const { json } = await publishOnceReady('exchange')
  await arrived('topic1', json['messageId'])
})

test('removing it leaves nothing in the account but the log role that all APIs share', async () => {
  const { code, output } = await deployment.serverless('remove')
  assert.equal(code, 0, output)
  const { aws } = deployment
  assert.equal(aws.stacks.size, 0)
  const left = [aws.functions, aws.apis, aws.buckets, aws.secrets, aws.services, aws.logs]
  for (const kind of left) assert.deepEqual([...kind.keys()], [])
  assert.deepEqual(
    [...aws.roles.keys()].map((name) => name.split('-')[2]),
    ['ApiGatewayLogRole'],
  )
})
