import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePorts } from '#infra/local/ports.ts'
import { docker } from '../support/docker.ts'
import { npmStart, ownHome } from '../support/stack.ts'

const containers = async () => (await docker('ps', '--all', '--format', '{{.Names}}')).split('\n')
const volumes = async () => (await docker('volume', 'ls', '--quiet')).split('\n')

test('npm start runs the broker in a container where an engine runs, and removes it again', async (t) => {
  const before = { containers: await containers(), volumes: await volumes() }
  t.after(async () => {
    const made = (await volumes()).filter((name) => !before.volumes.includes(name))
    if (made.length > 0) await docker('volume', 'rm', ...made)
  })
  const [port] = (await freePorts(1)) as [number]
  const env = { WARREN_DOCKER: '1', EDGE_PORT: String(port), WARREN_HOME: ownHome(t) }
  for (const start of ['first', 'second, with the data of the first']) {
    const started = npmStart(t, env, ['--once'])
    assert.equal(await started.ended, 0, `${start}: ${started.printed()}`)
    assert.match(started.printed(), /Starting RabbitMQ in Docker/)
    assert.deepEqual(await containers(), before.containers)
  }
  const kept = (await volumes()).filter((name) => !before.volumes.includes(name))
  assert.equal(kept.length, 1, 'the data, and nothing else')
})
