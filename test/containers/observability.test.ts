import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { docker, inspect, prepareStack } from '../support/docker.ts'
import { endOfFile } from '../support/ending.ts'
import { readDashboard, readRules } from '../support/observability.ts'
import { publishTo } from '../support/stack-requests.ts'
import { until } from '../support/until.ts'

const TOKEN = 'a-token-of-the-metrics-tests-0123456789abcdef'
// Prometheus asks every 15 s.
const SCRAPED_MS = 60_000

// Grafana alone is not started: it is in no distribution, so that where no registry is reached there is
// none. What it is given is compared with what is there, below.
const SERVICES = ['rabbit', 'gateway', 'edge', 'exchange2topic1', 'exchange2topic2']
const PROFILE = ['--profile', 'observability']

const stack = await prepareStack(endOfFile(), { dotenv: { API_TOKEN: TOKEN } })
await stack.compose(['build'])
await stack.compose(['up', '--detach', '--wait', ...SERVICES])
await stack.compose([...PROFILE, 'up', '--detach', '--no-deps', 'prometheus'])

/** What its API says, asked for from within: it publishes no port. */
async function prometheus<T>(path: string): Promise<T> {
  const script = `fetch('http://prometheus:9090/api/v1/${path}').then(async (r) => console.log(await r.text()))`
  const text = await docker('exec', await stack.container('edge'), 'node', '-e', script)
  const { status, data } = JSON.parse(text)
  assert.equal(status, 'success', text)
  return data
}

interface Target {
  readonly health: string
  readonly lastError: string
  readonly labels: { readonly job: string; readonly instance: string }
}

const targets = async () =>
  (await prometheus<{ activeTargets: readonly Target[] }>('targets')).activeTargets

test('Prometheus reaches both relays, the broker twice, and every gateway there is', async () => {
  await stack.compose(
    ['up', '--detach', '--wait', '--no-deps', '--no-recreate'].concat(
      ...['--scale', 'gateway=2', 'gateway'],
    ),
  )
  const up = async () => {
    const found = await targets()
    return found.length === 6 && found.every(({ health }) => health === 'up')
  }
  await until('six targets are up', up, 2 * SCRAPED_MS).catch(async (error) => {
    assert.fail(`${error}: ${JSON.stringify(await targets())}`)
  })
  const jobs = (await targets()).map(({ labels }) => labels.job).toSorted()
  const gateways = ['warren-gateway', 'warren-gateway', 'warren-relay', 'warren-relay']
  assert.deepEqual(jobs, ['rabbitmq', 'rabbitmq-queues', ...gateways])
})

test('the alert rules are loaded, and all of them can be evaluated', async () => {
  interface Group {
    readonly rules: readonly { readonly name: string; readonly health: string }[]
  }
  const loaded = async () => (await prometheus<{ groups: readonly Group[] }>('rules')).groups
  const evaluated = async () => {
    const rules = (await loaded()).flatMap((group) => group.rules)
    return rules.length > 0 && rules.every(({ health }) => health === 'ok')
  }
  await until('every rule was evaluated', evaluated, SCRAPED_MS)
  assert.deepEqual(
    (await loaded()).flatMap((group) => group.rules.map(({ name }) => name)),
    readRules().map(({ alert }) => alert),
  )
})

test('what is published is counted, and a relay that is away makes its alert pending', async () => {
  assert.equal((await publishTo(stack, { token: TOKEN, body: '{}' })).status, 200)
  const query = async (promql: string) =>
    (
      await prometheus<{ result: readonly { value: readonly [number, string] }[] }>(
        `query?query=${encodeURIComponent(promql)}`,
      )
    ).result.map(({ value }) => Number(value[1]))
  const published = async () => (await query('sum(warren_requests_total)'))[0] === 1
  await until('one request', published, SCRAPED_MS)
  await stack.compose(['stop', 'exchange2topic2'])
  const pending = `ALERTS{alertstate="pending", job="warren-relay", instance="exchange2topic2:9091"}`
  await until('an alert', async () => (await query(pending)).length > 0, 2 * SCRAPED_MS)
})

test('Prometheus has no rights, and publishes no port', async () => {
  const { Config, HostConfig, NetworkSettings, State } = await inspect(
    await stack.container('prometheus'),
  )
  assert.equal(Config.User, '65534:65534')
  assert.equal(HostConfig.ReadonlyRootfs, true)
  assert.deepEqual(HostConfig.CapDrop, ['ALL'])
  assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true'])
  assert.ok(Object.values(NetworkSettings.Ports).every((hosts) => !hosts?.length))
  const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8')
  assert.match(status, /^CapEff:\t0+$/m)
  assert.match(status, /^NoNewPrivs:\t1$/m)
})

test('Grafana is given the dashboard and the Prometheus that the profile has', async () => {
  const { services } = JSON.parse(await stack.compose([...PROFILE, 'config', '--format', 'json']))
  const { environment, ports, volumes } = services.grafana
  const sources = new Map<string, string>(
    volumes.flatMap((each: { type: string; source: string; target: string }) =>
      each.type === 'bind' ? [[each.target, each.source]] : [],
    ),
  )
  for (const source of sources.values()) assert.ok(existsSync(source), source)
  const provisioned = (name: string) =>
    parse(readFileSync(join(sources.get('/etc/grafana/provisioning') as string, name), 'utf8'))
  const [{ url, type, isDefault }] = provisioned('datasources/prometheus.yml').datasources
  assert.deepEqual([url, type, isDefault], ['http://prometheus:9090', 'prometheus', true])
  const [{ options }] = provisioned('dashboards/warren.yml').providers
  const shown = readFileSync(sources.get(join(options.path, 'dashboard.json')) as string, 'utf8')
  assert.deepEqual(JSON.parse(shown), readDashboard())
  assert.deepEqual([ports.length, ports[0].host_ip], [1, '127.0.0.1'])
  assert.equal(environment.GF_AUTH_DISABLE_LOGIN_FORM, 'true')
})
