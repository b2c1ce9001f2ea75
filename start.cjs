'use strict'
// `npm start`, `npm test` and its variants: installs the dependencies where they are missing or outdated,
// then goes on with Node 24. Plain JavaScript that any Node since version 8 can read, so that an old
// one ends with a line that says so.

const OLDEST = [20, 19]

if (isOlder(process.versions.node, OLDEST)) {
  fail(`Warren needs Node ${OLDEST.join('.')} or newer; this is ${process.version}.`)
}

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = __dirname
const PROGRAMS = {
  start: ['infra/local/main.ts'],
  test: ['infra/local/test-run.ts', 'quick'],
  'test:unit': ['infra/local/test-run.ts', 'unit'],
  'test:long': ['infra/local/test-run.ts', 'long'],
}

const [name, ...args] = process.argv.slice(2)
const program = PROGRAMS[name]
if (program === undefined) fail(`node start.cjs ${Object.keys(PROGRAMS).join('|')}`)
whenInstalled(() => {
  const node = findNode24()
  if (node !== undefined) return run(node, program.concat(args), (code) => process.exit(code))
  fail(
    `Warren runs on Node 24, and npm has none for ${process.platform}-${process.arch}: install Node 24 or newer (this is ${process.version}).`,
  )
})

function isOlder(version, [major, minor]) {
  const parts = version.split('.').map(Number)
  return parts[0] < major || (parts[0] === major && parts[1] < minor)
}

function fail(line) {
  console.error(line)
  process.exit(2)
}

function whenInstalled(next) {
  if (isInstalled()) return next()
  console.log('Installing the dependencies with npm ci (about half a minute) …')
  // npm tells its scripts where it is. NODE_ENV=production would leave the development ones out. The
  // warnings hidden are of packages that want a newer Node than this: they get Node 24.
  const npm = process.env.npm_execpath
  const command = npm ? process.execPath : 'npm'
  const include = ['--include=dev', '--include=optional']
  const options = ['ci', ...include, '--no-audit', '--no-fund', '--loglevel=error']
  run(command, npm ? [npm].concat(options) : options, (code, interrupted) => {
    if (interrupted) process.exit(name === 'start' && args.length === 0 ? 0 : 130)
    if (code !== 0) fail('npm ci failed: the reason stands above.')
    next()
  })
}

/** Whether every package of the lock file is there in its version; optional ones may be missing. */
function isInstalled() {
  const wanted = readPackages('package-lock.json')
  const found = readPackages('node_modules/.package-lock.json')
  return Object.keys(wanted).every((folder) => {
    if (folder === '') return true // this project itself
    if (found[folder] === undefined) return wanted[folder].optional === true
    return (
      found[folder].version === wanted[folder].version && fs.existsSync(path.join(ROOT, folder))
    )
  })
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(ROOT, file), 'utf8')).packages
  } catch (_) {
    return {} // It is not there, or was cut off: then it lists nothing.
  }
}

/** The one that was installed with the dependencies, else this one if it is new enough. */
function findNode24() {
  const installed = `node_modules/node-${process.platform}-${process.arch}/bin/node`
  return [path.join(ROOT, installed), process.execPath].find((node) => {
    const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout
    return Boolean(version) && !isOlder(version.slice(1), [24, 0])
  })
}

/**
 * Runs a program in the foreground until it ends, and passes on the signals that npm passes to us; a
 * Ctrl-C reaches it from the terminal as well.
 * @param done gets its exit code, and whether a signal came meanwhile
 */
function run(command, commandArgs, done) {
  const child = spawn(command, commandArgs, { cwd: ROOT, stdio: 'inherit' })
  let interrupted = false
  const pass = (signal) => {
    interrupted = true
    child.kill(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, pass)
  child.on('error', (error) => fail(`${command} cannot be started: ${error.message}`))
  child.on('exit', (code) => {
    for (const signal of signals) process.removeListener(signal, pass)
    done(code === null ? 1 : code, interrupted)
  })
}
