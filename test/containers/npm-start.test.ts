import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { removeNoted } from '#infra/local/containers.ts'
import { findNginx } from '#infra/local/nginx.ts'
import { freePorts } from '#infra/local/ports.ts'
import { docker, inspect } from '../support/docker.ts'
import { lastFirst } from '../support/ending.ts'
import { npmStart, ownHome } from '../support/stack.ts'

const containers = async () =>
  (await docker('ps', '--all', '--format', '{{.Names}}')).split('\n').filter((name) => name !== '')
const volumes = async () => (await docker('volume', 'ls', '--quiet')).split('\n')

/** The settings of a start with Docker; containers and volume that it makes go with the test. */
async function settings(t: TestContext) {
  const ending = lastFirst(t)
  const before = await volumes()
  const home = ownHome(ending)
  ending.after(async () => {
    await removeNoted(home)
    const made = (await volumes()).filter((name) => !before.includes(name))
    if (made.length > 0) await docker('volume', 'rm', ...made)
  })
  const [port] = (await freePorts(1)) as [number]
  return { WARREN_DOCKER: '1', EDGE_PORT: String(port), WARREN_HOME: home }
}

/** A shell before whose command this machine has no nginx. Nobody else sees that. */
function withoutNginx(t: TestContext): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'warren-overlay-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const script = `set -eu; mkdir -p "$0/upper" "$0/work"
mount -t overlay overlay -o "lowerdir=/usr/sbin,upperdir=$0/upper,workdir=$0/work" /usr/sbin
rm -f /usr/sbin/nginx; exec "$@"`
  return ['unshare', '--mount', 'sh', '-c', script, folder]
}

/** The start itself, which npm and others have started. */
const pidOf = (home: string): number => JSON.parse(readFileSync(join(home, 'lock'), 'utf8')).pid

test('npm start runs the broker in a container where an engine runs, and removes it again', async (t) => {
  const before = { containers: await containers(), volumes: await volumes() }
  const env = await settings(t)
  for (const start of ['first', 'second, with the data of the first']) {
    const started = npmStart(t, env, { args: ['--once'] })
    assert.equal(await started.ended, 0, `${start}: ${started.printed()}`)
    assert.match(started.printed(), /Starting RabbitMQ in Docker/)
    assert.deepEqual(await containers(), before.containers)
  }
  const kept = (await volumes()).filter((name) => !before.volumes.includes(name))
  assert.equal(kept.length, 1, 'the data, and nothing else')
})

test('where there is no nginx either, the edge runs in a container; a start that was killed leaves nothing to the next', async (t) => {
  assert.equal(findNginx(), '/usr/sbin/nginx', 'the one that is hidden')
  const before = await containers()
  const env = await settings(t)
  const hidden = withoutNginx(t)
  const killed = npmStart(t, env, { under: hidden })
  await killed.until('Stop with Ctrl-C')
  assert.match(killed.printed(), /Starting nginx in Docker/)
  const ours = (await containers()).filter((name) => !before.includes(name))
  assert.equal(ours.length, 2)
  for (const name of ours) {
    const { Config, HostConfig } = await inspect(name)
    assert.match(Config.User, /^[1-9]/)
    assert.deepEqual(HostConfig.CapDrop, ['ALL'])
    assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true'])
  }
  assert.equal((await fetch(`http://127.0.0.1:${env.EDGE_PORT}/rabbitmq/`)).status, 200)
  process.kill(pidOf(env.WARREN_HOME), 'SIGKILL')
  assert.equal(await killed.ended, 1)
  assert.equal((await containers()).length, before.length + 2)
  const next = npmStart(t, env, { args: ['--once'], under: hidden })
  assert.equal(await next.ended, 0, next.printed())
  assert.deepEqual(await containers(), before)
})
