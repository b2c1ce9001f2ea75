import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type AptOptions, aptInstall, InstallFailed } from '#infra/local/install/apt.ts'

interface Machine {
  readonly root: string
  readonly options: AptOptions
  readonly said: string[]
  /** How apt-get was called, and what it saw. */
  called(): string
}

/** A folder as the system, and an apt-get that is the rest of this shell script. */
function machine(t: TestContext, script: string, signal = new AbortController().signal): Machine {
  const root = mkdtempSync(join(tmpdir(), 'warren-apt-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'usr/sbin'), { recursive: true })
  const calls = join(root, 'apt-get.calls')
  const before = `#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >>${calls}
tail -n 1 ${root}/usr/sbin/policy-rc.d >>${calls}
`
  writeFileSync(join(root, 'apt-get'), `${before}${script}\n`)
  chmodSync(join(root, 'apt-get'), 0o755)
  const said: string[] = []
  const env = { PATH: `${root}:${process.env['PATH']}` }
  const options: AptOptions = {
    env,
    logFile: join(root, 'install.log'),
    say: (line) => void said.push(line),
    signal,
    root,
  }
  return { root, options, said, called: () => readFileSync(calls, 'utf8') }
}

test('packages are installed without questions, recommendations and started services', async (t) => {
  const { options, called, said } = machine(t, 'echo done')
  await aptInstall(['rabbitmq-server', 'nginx'], options)
  assert.match(
    called(),
    /^noninteractive .* update\nexit 101\nnoninteractive .* install --no-install-recommends rabbitmq-server nginx\nexit 101\n$/,
  )
  assert.deepEqual(said, [
    'apt-get update',
    'apt-get install --no-install-recommends rabbitmq-server nginx',
  ])
})

test('a list that cannot be updated is no failure; a package that cannot be installed is', async (t) => {
  const { options } = machine(t, '[ "$9" = install ] || exit 100; echo done')
  await aptInstall(['nginx'], options)
  const failing = machine(t, 'echo "E: Unable to locate package nginx" >&2; exit 100')
  await assert.rejects(
    aptInstall(['nginx'], failing.options),
    (error) =>
      error instanceof InstallFailed && /Unable to locate package nginx/.test(error.message),
  )
  assert.match(readFileSync(failing.options.logFile, 'utf8'), /Unable to locate/)
})

test('an interruption waits until apt-get has come to an end', async (t) => {
  const controller = new AbortController()
  // As dpkg does its work: SIGINT is ignored, and the end comes when it comes.
  const script = `trap '' INT; [ "$9" = update ] || { echo unpacking; sleep 0.5; echo ended >>"$0.calls"; }`
  const { options, called, said } = machine(t, script, controller.signal)
  const say = (line: string) => {
    options.say(line)
    if (line.includes('install')) setTimeout(() => controller.abort(new Error('Ctrl-C')), 200)
  }
  await assert.rejects(aptInstall(['nginx'], { ...options, say }), /Ctrl-C/)
  assert.match(called(), /ended\n$/)
  assert.ok(said.includes('apt-get must come to an end first …'))
})
