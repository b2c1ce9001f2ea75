import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { ROOT } from '#infra/local/settings.ts'
import { cleanEnv } from '../support/stack.ts'

// An npm that notes how it was called, and installs what is not for another system.
const NPM = `
const fs = require('node:fs')
fs.writeFileSync('npm-arguments', process.argv.slice(2).join(' '))
const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'))
for (const folder of Object.keys(packages)) {
  if (packages[folder].optional) delete packages[folder]
  else if (folder) fs.mkdirSync(folder, { recursive: true })
}
fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages }))
`
const PROGRAM = `console.log('runs on ' + process.version, process.argv.slice(2))`

/** A project with start.cjs, one dependency in its lock file, and that npm. */
function project(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'warren-start-'))
  t.after(() => rmSync(folder, { recursive: true }))
  cpSync(join(ROOT, 'start.cjs'), join(folder, 'start.cjs'))
  write(folder, 'infra/local/main.ts', PROGRAM)
  write(folder, 'npm.cjs', NPM)
  write(folder, 'package-lock.json', lock('1.0.0'))
  return folder
}

function write(folder: string, file: string, content: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), content)
}

const lock = (version: string) =>
  JSON.stringify({
    packages: {
      '': { name: 'warren' },
      'node_modules/a': { version },
      'node_modules/for-another-system': { version: '1.0.0', optional: true },
    },
  })

async function start(folder: string, nodeOptions: readonly string[] = []) {
  const args = [...nodeOptions, join(folder, 'start.cjs'), 'start', 'x']
  const env = { ...cleanEnv(), npm_execpath: join(folder, 'npm.cjs') }
  const child = spawn(process.execPath, args, { cwd: folder, env })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { out, err, code }
}

test('missing dependencies are installed by npm ci, development ones too, before it goes on', async (t) => {
  const folder = project(t)
  const { out, code } = await start(folder)
  assert.equal(code, 0)
  assert.match(out, /Installing the dependencies.*\nruns on v2\d.* \[ 'x' \]/)
  const args = readFileSync(join(folder, 'npm-arguments'), 'utf8')
  assert.match(args, /^ci .*--include=dev .*--include=optional/)
})

test('dependencies that match the lock file are left alone; a changed lock file installs anew', async (t) => {
  const folder = project(t)
  await start(folder)
  rmSync(join(folder, 'npm-arguments'))
  assert.doesNotMatch((await start(folder)).out, /Installing/)
  assert.equal(existsSync(join(folder, 'npm-arguments')), false)
  writeFileSync(join(folder, 'package-lock.json'), lock('1.0.1'))
  assert.match((await start(folder)).out, /Installing/)
})

test('an installation that fails ends it', async (t) => {
  const folder = project(t)
  writeFileSync(join(folder, 'npm.cjs'), 'process.exit(7)')
  const { err, code } = await start(folder)
  assert.equal(code, 2)
  assert.match(err, /^npm ci failed/)
})

test('an old Node ends with one line that says so', async (t) => {
  const folder = project(t)
  const old = `for (const [key, value] of [['version', 'v20.18.3'], ['versions', { node: '20.18.3' }]])
    Object.defineProperty(process, key, { value })`
  write(folder, 'old.cjs', old)
  const { out, err, code } = await start(folder, ['--require', join(folder, 'old.cjs')])
  assert.deepEqual({ out, code }, { out: '', code: 2 })
  assert.equal(err, 'Warren needs Node 20.19 or newer; this is v20.18.3.\n')
})
