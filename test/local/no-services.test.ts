import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { enabledLinks, withoutServices } from '#infra/local/install/no-services.ts'

const POLICY = 'usr/sbin/policy-rc.d'
const WANTS = 'etc/systemd/system/multi-user.target.wants'

/** A folder that looks like a Debian system on which cron is enabled. */
function system(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'warren-system-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'usr/sbin'), { recursive: true })
  enable(root, 'cron')
  return root
}

/** As the maintainer scripts do it. */
function enable(root: string, name: string, number = '01'): void {
  link(join(root, WANTS, `${name}.service`), `/lib/systemd/system/${name}.service`)
  link(join(root, 'etc/rc2.d', `S${number}${name}`), `../init.d/${name}`)
  link(join(root, 'etc/rc0.d', `K01${name}`), `../init.d/${name}`)
}

function link(file: string, target: string): void {
  mkdirSync(dirname(file), { recursive: true })
  symlinkSync(target, file)
}

test('what an installation enables is disabled afterwards, and nothing else', async (t) => {
  const root = system(t)
  await withoutServices(async () => {
    enable(root, 'nginx')
    link(join(root, 'etc/systemd/system/sockets.target.wants/epmd.socket'), '/lib/epmd.socket')
  }, root)
  assert.deepEqual(enabledLinks(root), [`etc/rc2.d/S01cron`, `${WANTS}/cron.service`])
  assert.equal(readlinkSync(join(root, 'etc/rc2.d/K01nginx')), '../init.d/nginx')
})

test('a service stays enabled when the installation gives its link another number', async (t) => {
  const root = system(t)
  await withoutServices(async () => {
    rmSync(join(root, 'etc/rc2.d/S01cron'))
    link(join(root, 'etc/rc2.d/S02cron'), '../init.d/cron')
  }, root)
  assert.ok(enabledLinks(root).includes('etc/rc2.d/S02cron'))
})

test('while packages are installed no service may start, and then the policy is gone', async (t) => {
  const root = system(t)
  await withoutServices(async () => {
    assert.match(readFileSync(join(root, POLICY), 'utf8'), /^#!\/bin\/sh\n(#.*\n)*exit 101\n$/)
    assert.equal(statSync(join(root, POLICY)).mode & 0o111, 0o111)
  }, root)
  assert.equal(existsSync(join(root, POLICY)), false)
})

test('a policy that was there is back afterwards, also when the installation fails', async (t) => {
  const root = system(t)
  link(join(root, POLICY), '/somewhere/else')
  const failing = withoutServices(async () => {
    enable(root, 'nginx')
    throw new Error('no network')
  }, root)
  await assert.rejects(failing, /no network/)
  assert.equal(readlinkSync(join(root, POLICY)), '/somewhere/else')
  assert.equal(enabledLinks(root).length, 2)
})

test('what a killed installation left is put right by the next one', async (t) => {
  const root = system(t)
  writeFileSync(join(root, `${POLICY}.before-warren`), 'the first policy')
  const note = { pid: process.pid, startedAt: 'another time', enabled: enabledLinks(root) }
  writeFileSync(join(root, POLICY), `#!/bin/sh\n# warren: ${JSON.stringify(note)}\nexit 101\n`)
  enable(root, 'rabbitmq-server')
  await withoutServices(async () => {}, root)
  assert.equal(readFileSync(join(root, POLICY), 'utf8'), 'the first policy')
  assert.equal(enabledLinks(root).length, 2)
})

test('two installations at the same time take turns', async (t) => {
  const root = system(t)
  const order: string[] = []
  const first = withoutServices(async () => {
    order.push('first in')
    await new Promise((resolve) => setTimeout(resolve, 700))
    order.push('first out')
  }, root)
  const second = withoutServices(async () => void order.push('second in'), root)
  await Promise.all([first, second])
  assert.deepEqual(order, ['first in', 'first out', 'second in'])
})
