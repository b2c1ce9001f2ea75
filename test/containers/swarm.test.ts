import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { docker, inspect, logsOf } from '../support/docker.ts'
import { startElsewhere } from '../support/elsewhere.ts'
import { endOfFile } from '../support/ending.ts'
import { startLoad } from '../support/stack-load.ts'
import { publishTo, queueLengthsIn } from '../support/stack-requests.ts'
import { deploySwarm, documented } from '../support/swarm.ts'
import { until } from '../support/until.ts'

const TOKEN = 'a-token-of-the-swarm-tests-0123456789abcdef'
const PASS = 'a-password-of-the-swarm-tests'
const SERVICES = ['rabbit', 'gateway', 'edge', 'exchange2topic1', 'exchange2topic2']

const swarm = await deploySwarm(endOfFile(), {
  ...{ API_TOKEN: TOKEN, RABBITMQ_USER: 'operator', RABBITMQ_PASS: PASS },
})

async function only(service: string): Promise<string> {
  const [id, ...more] = await swarm.containers(service)
  assert.ok(id !== undefined && more.length === 0, service)
  return id
}

const lengths = async () => queueLengthsIn(await only('rabbit'))
const publish = (body = '{"hello": "Gonzalo"}') => publishTo(swarm, { token: TOKEN, body })

/** Every task that the edge has ever had. */
const tasksOfEdge = async () =>
  (await docker('service', 'ps', 'warren_edge', '--format', '{{.ID}}')).split('\n')

test("the predecessor's request lands in both queues; names that came late have not stopped the edge", async () => {
  // Everything was started at once: the edge before anything that it knows by name.
  const bound = ['relay.exchange.topic1', 'relay.exchange.topic2']
  const relaysAre = async () => {
    const found = await lengths()
    return bound.every((queue) => found.has(queue))
  }
  await until('both relays are there', relaysAre, 60_000)
  await until('a 200', async () => (await publish()).status === 200, 60_000)
  await until('it is in each queue', async () => {
    const found = await lengths()
    return ['topic1', 'topic2'].every((queue) => (found.get(queue) ?? 0) > 0)
  })
  assert.equal((await tasksOfEdge()).length, 1)
})

test('no container is root, has a capability, can write to its image, or is without limits', async () => {
  for (const service of SERVICES) {
    for (const id of await swarm.containers(service)) {
      const { Config, HostConfig, State } = await inspect(id)
      assert.match(Config.User, /^[1-9]\d*:[1-9]\d*$/, service)
      assert.equal(HostConfig.ReadonlyRootfs, true, service)
      assert.deepEqual(HostConfig.CapDrop, ['ALL'], service)
      assert.ok(HostConfig.Memory > 0 && HostConfig.NanoCpus > 0 && (HostConfig.PidsLimit ?? 0) > 0)
      const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8')
      assert.match(status, /^CapEff:\t0+$/m, service)
      assert.match(status, /^CapBnd:\t0+$/m, service)
    }
  }
})

test('secrets are files, for one user alone, and in no inspection and no log', async () => {
  const token = await docker(
    ...['exec', (await swarm.containers('gateway'))[0] as string],
    ...['stat', '--format', '%a %u', '/run/secrets/tokens', '/run/secrets/amqp-url'],
  )
  assert.equal(token, '400 1000\n400 1000')
  for (const service of SERVICES) {
    const texts = [await docker('service', 'inspect', `warren_${service}`)]
    for (const id of await swarm.containers(service)) {
      texts.push(await docker('inspect', id), await logsOf(id))
    }
    for (const secret of [TOKEN, PASS]) {
      assert.ok(!texts.join('\n').includes(secret), `${service}: ${secret}`)
    }
  }
})

test('the edge sees the address of a caller on another machine', async (t) => {
  const { address, here, run } = await startElsewhere(t)
  const url = `http://${here}:${swarm.port}/health`
  const script = `fetch('${url}').then(({ status }) => console.log(status))`
  assert.equal(await run(process.execPath, ['--eval', script]), '200')
  const edge = await only('edge')
  await until('its line in the log', async () =>
    (await logsOf(edge)).includes(`"address":"${address}"`),
  )
})

test('a listener is added by its entry, and retired as documented', async () => {
  const file = join(swarm.folder, 'infra/swarm.yml')
  const original = readFileSync(file, 'utf8')
  const entry = /^ {2}exchange2topic2:\n(?: {4}.*\n)+/m.exec(original)?.[0] ?? ''
  const third = entry.replaceAll('topic2', 'topic3')
  assert.notEqual(third, '')
  const before = await Promise.all(SERVICES.map(swarm.containers))
  writeFileSync(file, original.replace(entry, `${entry}\n${third}`))
  await swarm.sh('docker stack deploy -c infra/swarm.yml warren')
  await until('its queue', async () => (await lengths()).has('relay.exchange.topic3'), 60_000)
  await until('a message in it', async () => {
    await publish()
    return ((await lengths()).get('topic3') ?? 0) > 0
  })
  const [, retire = ''] = documented()
  const [detach = '', prune = ''] = retire.split(/^# .*$/m)
  await swarm.sh(detach)
  writeFileSync(file, original)
  await swarm.sh(prune)
  assert.equal((await lengths()).has('relay.exchange.topic3'), false)
  assert.doesNotMatch(await docker('service', 'ls', '--format', '{{.Name}}'), /topic3|detach/)
  assert.deepEqual(await Promise.all(SERVICES.map(swarm.containers)), before)
})

test('both gateways are replaced under load, new ones first: no request fails', async (t) => {
  const before = await swarm.containers('gateway')
  assert.equal(before.length, 2)
  const load = startLoad(swarm, { token: TOKEN, callers: 4, pauseMs: 10 })
  t.after(() => load.stop())
  await until('load', () => load.answered.length > 100)
  await swarm.sh('docker service update --quiet --force warren_gateway')
  await until('both are new', async () => {
    const now = await swarm.containers('gateway')
    return now.length === 2 && !now.some((id) => before.includes(id))
  })
  await load.stop()
  const failed = load.answered.filter(({ status }) => status !== 200)
  assert.deepEqual(failed.slice(0, 3), [], `${failed.length} of ${load.answered.length} failed`)
  t.diagnostic(`${load.answered.length} published meanwhile`)
})

test('where no gateway is left, callers get a problem; once there are some, they publish again', async () => {
  await swarm.sh('docker service scale --detach warren_gateway=0')
  const gone = async () => (await swarm.containers('gateway')).length === 0
  await until('no gateway', gone, 60_000)
  const answer = await publish()
  assert.ok([502, 503, 504].includes(answer.status), answer.body.toString())
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  await swarm.sh('docker service scale --detach warren_gateway=2')
  await until('a 200', async () => (await publish()).status === 200, 60_000)
  assert.equal((await tasksOfEdge()).length, 1)
})
