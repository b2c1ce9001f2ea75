import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { renderNginxConf } from '#infra/edge/nginx-conf.ts'
import { readEdge } from '#infra/edge/settings.ts'
import { type Child, ChildFailed } from '#infra/local/child.ts'
import { findNginx, startNginx } from '#infra/local/nginx.ts'
import { freePorts, whyNotFree } from '#infra/local/ports.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

test("nginx is found on PATH first, else in the system's folders", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'warren-nginx-'))
  t.after(() => rm(folder, { recursive: true }))
  const own = join(folder, 'nginx')
  await writeFile(own, '')
  assert.equal(findNginx(`/nowhere:${folder}`), own)
  assert.equal(findNginx(''), findNginx('/nowhere'))
})

test('workers without privileges take large bodies, though the folder above is closed', async (t) => {
  const upstream = await startUpstream(t)
  const { port, folder, home } = await start(t, { API_URL: `http://127.0.0.1:${upstream.port}` })
  await chmod(folder, 0o700)
  const body = new Uint8Array(300_000)
  const answer = await fetch(`http://127.0.0.1:${port}/publish/x`, { method: 'POST', body })
  assert.equal(answer.status, 200)
  assert.equal(upstream.received[0]?.bytes, 300_000)
  // nginx gave it to the user of its workers.
  assert.notEqual((await stat(join(home, 'temp', 'client_body'))).uid, 0)
})

test('all files are below its folder, and the configuration is not for others to read', async (t) => {
  const { home, nginx } = await start(t)
  assert.equal(Number(await readFile(join(home, 'nginx.pid'), 'utf8')), nginx.pid)
  assert.equal((await stat(join(home, 'nginx.conf'))).mode & 0o777, 0o600)
  assert.equal((await stat(join(home, 'access.log'))).size, 0)
})

test('a taken port ends the start, with what nginx said', async (t) => {
  const [port] = (await freePorts(1)) as [number]
  const other = createServer().listen(port, '127.0.0.1')
  t.after(() => void other.close())
  await assert.rejects(start(t, { EDGE_PORT: String(port) }), (error: Error) => {
    assert.ok(error instanceof ChildFailed)
    assert.match(error.message, new RegExp(`bind\\(\\) to 127.0.0.1:${port} failed`))
    return true
  })
})

test('a master that is killed takes its workers and its port along', async (t) => {
  const { port, nginx } = await start(t)
  nginx.signal('SIGKILL')
  assert.equal((await nginx.ended).signal, 'SIGKILL')
  await until('the port is free', async () => (await whyNotFree(port)) === undefined)
})

async function start(t: TestContext, env: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'warren-nginx-'))
  let nginx: Child | undefined
  t.after(async () => {
    await nginx?.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  const [port] = (await freePorts(1)) as [number]
  const home = join(folder, 'nginx')
  const conf = renderNginxConf(readEdge({ EDGE_PORT: String(port), ...env }))
  const bin = findNginx() as string
  nginx = await startNginx({ bin, home, conf, logFile: join(folder, 'nginx.log') })
  return { port, folder, home, nginx }
}
