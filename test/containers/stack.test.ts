import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { assertNowhere } from '../support/canary.ts'
import { docker, inspect, prepareStack } from '../support/docker.ts'
import { endOfFile } from '../support/ending.ts'
import { send } from '../support/send.ts'
import { publishTo, queueLengths } from '../support/stack-requests.ts'
import { until } from '../support/until.ts'

// Strings that are nowhere else: where one turns up, a secret has leaked.
const TOKEN = 'canary-token-b7d3c1e05f9a4c62-8e21'
const PASS = 'canary-password-42d1f7'
const BODY = 'canary-body-90ab17'

const ending = endOfFile()
const stack = await prepareStack(ending, {
  dotenv: { API_TOKEN: TOKEN, RABBITMQ_USER: 'operator', RABBITMQ_PASS: PASS },
})
await stack.compose(['build'])
await stack.compose(['up', '--detach', '--wait'])

const SERVICES = ['rabbit', 'gateway', 'edge', 'exchange2topic1', 'exchange2topic2']

test("the predecessor's request through the edge lands in both queues", async () => {
  const answer = await publishTo(stack, { token: TOKEN, body: '{"hello": "Gonzalo"}' })
  assert.equal(answer.status, 200, answer.body.toString())
  assert.equal(answer.json()['status'], 'OK')
  await until('one message in each queue', async () => {
    const lengths = await queueLengths(stack)
    return lengths.get('topic1') === 1 && lengths.get('topic2') === 1
  })
})

test('a wrong token is refused, and without the console nothing is there', async () => {
  assert.equal((await publishTo(stack, { token: 'wrong', body: '{}' })).status, 401)
  assert.equal((await send(stack.origin, { method: 'GET', path: '/rabbitmq/' })).status, 404)
})

test('the page of documentation is there, with the files of its package', async () => {
  assert.equal((await send(stack.origin, { method: 'GET', path: '/docs' })).status, 200)
  for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
    const { body } = await send(stack.origin, { method: 'GET', path: `/docs/${name}` })
    assert.ok(body.equals(readFileSync(`node_modules/swagger-ui-dist/${name}`)), name)
  }
})

for (const service of SERVICES) {
  test(`${service} is healthy, and has no rights at all`, async () => {
    const id = await stack.container(service)
    const { Config, State, HostConfig } = await inspect(id)
    assert.equal(State.Health?.Status, 'healthy')
    assert.match(Config.User, /^[1-9]\d*(:[1-9]\d*)?$/)
    assert.equal(HostConfig.ReadonlyRootfs, true)
    assert.deepEqual(HostConfig.CapDrop, ['ALL'])
    assert.equal(HostConfig.CapAdd, null)
    assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true'])
    assert.equal(HostConfig.Privileged, false)
    assert.equal(HostConfig.Init, true)
    assert.equal(HostConfig.RestartPolicy.Name, 'unless-stopped')
    assert.ok(HostConfig.Memory > 0 && HostConfig.NanoCpus > 0 && (HostConfig.PidsLimit ?? 0) > 0)
    assert.equal(HostConfig.LogConfig.Config['max-size'], '10m')
    await assert.rejects(docker('exec', id, 'touch', '/usr/written'), /Read-only file system/)
  })

  test(`no process of ${service} is root, or has a capability`, async () => {
    const listed = await docker('top', await stack.container(service), '-eo', 'pid,comm')
    const pids = listed
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/)[0])
    assert.ok(pids.length >= 2, 'init, and what it started')
    for (const pid of pids) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      assert.match(status, /^Uid:\t(?!0\t)\d+/m)
      assert.match(status, /^CapEff:\t0+$/m)
      assert.match(status, /^CapBnd:\t0+$/m)
      assert.match(status, /^NoNewPrivs:\t1$/m)
      assert.match(status, /^Seccomp:\t2$/m)
    }
  })
}

test('nothing is published but the port of the edge, on 127.0.0.1', async () => {
  const published = []
  for (const service of SERVICES) {
    const { NetworkSettings } = await inspect(await stack.container(service))
    for (const [port, hosts] of Object.entries(NetworkSettings.Ports)) {
      for (const { HostIp, HostPort } of hosts ?? []) published.push({ port, HostIp, HostPort })
    }
  }
  assert.deepEqual(published, [
    { port: '8080/tcp', HostIp: '127.0.0.1', HostPort: String(stack.port) },
  ])
})

test('setup shows the line to paste and the password, and nowhere else', async () => {
  const screen = await stack.compose(['run', '--rm', 'setup', 'show'])
  assert.ok(screen.includes(`${stack.origin}/publish/exchange`))
  assert.ok(screen.includes(TOKEN) && screen.includes('operator') && screen.includes(PASS))
})

test('a further token is made, works for its exchange alone, and is revoked', async () => {
  const made = await stack.compose([
    'run',
    '--rm',
    'token',
    'new',
    'billing',
    '--publish',
    'ledger',
  ])
  const [token = ''] = made.split('\n')
  await until(
    'the gateway knows the token',
    async () => (await publishTo(stack, { token, body: '{}', exchange: 'ledger' })).status === 404,
    60_000,
  )
  assert.equal((await publishTo(stack, { token, body: '{}' })).status, 403)
  await stack.compose(['run', '--rm', 'setup'])
  assert.match(await stack.compose(['run', '--rm', 'token']), /default[\s\S]*billing/)
  await stack.compose(['run', '--rm', 'token', 'revoke', 'billing'])
  await until(
    'the gateway has forgotten the token',
    async () => (await publishTo(stack, { token, body: '{}', exchange: 'ledger' })).status === 401,
    60_000,
  )
})

test('a weak token is accepted on loopback only', async () => {
  const file = `${stack.folder}/weak.env`
  writeFileSync(file, 'API_TOKEN=super_secret_key\n')
  const options = ['--rm', '--volume', `${file}:/project/.env:ro`, '--tmpfs', '/tmp']
  const setup = (bind: string) =>
    docker(
      ...['run', ...options, '--env', 'SETUP_FOLDER=/tmp', '--env', `EDGE_BIND=${bind}`],
      ...['warren-edge:test', 'node', 'infra/setup/main.js'],
    )
  assert.match(await setup('127.0.0.1'), /The secrets are ready/)
  await assert.rejects(setup('0.0.0.0'), /API_TOKEN must have at least 32 characters/)
})

test('no secret and no body is in a log, an inspection, an answer or a metric', async () => {
  const answers = []
  for (const body of [`{"x":"${BODY}"}`, `{"x":"${BODY}`, `${BODY}`]) {
    for (const [exchange, token] of [
      ['exchange', TOKEN],
      ['nowhere', TOKEN],
      ['exchange', `${TOKEN}x`],
    ] as const) {
      answers.push((await publishTo(stack, { token, body, exchange })).body.toString())
    }
  }
  await assertNowhere(stack, [TOKEN, PASS, BODY], { 'the answers': answers.join('\n') })
})

test('the last stage of an image runs nothing: other architectures need no emulation', () => {
  for (const folder of ['gateway', 'relay', 'infra/edge']) {
    const stages = readFileSync(`${folder}/Dockerfile`, 'utf8').split(/^FROM /m)
    assert.ok(stages.length > 2, 'multi-stage')
    assert.doesNotMatch(stages.at(-1) as string, /^\s*RUN\b/m, folder)
  }
})

test('an image is at most 90 MB larger than its base, and holds nothing but what runs', async () => {
  const base = Number(await docker('image', 'inspect', '-f', '{{.Size}}', 'node:24-bookworm-slim'))
  for (const name of ['gateway', 'relay', 'edge']) {
    const image = `warren-${name}:test`
    const size = Number(await docker('image', 'inspect', '-f', '{{.Size}}', image))
    assert.ok(size - base < 90e6, `${name}: ${Math.round((size - base) / 1e6)} MB`)
    const files = await docker(
      'run',
      '--rm',
      '--entrypoint',
      'find',
      image,
      '/app',
      '-maxdepth',
      '2',
    )
    assert.doesNotMatch(files, /\.env|\.git|\.test\.|typescript|biome|serverless/)
  }
})

test('down --volumes leaves nothing', async () => {
  await stack.compose(['down', '--volumes', '--timeout', '10'])
  const label = `label=com.docker.compose.project=${stack.project}`
  for (const kind of ['container', 'volume', 'network']) {
    const all = kind === 'container' ? ['--all'] : []
    assert.equal(await docker(kind, 'ls', ...all, '--quiet', '--filter', label), '', kind)
  }
})
