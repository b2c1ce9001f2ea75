import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, type Env, readSettings } from '#lib/config.ts'
import { findOrInstall, howToInstall } from './install/programs.ts'
import { endNoted, killNoted } from './processes.ts'
import { LOCAL, ROOT } from './settings.ts'
import { Interrupted, listenForSignals } from './signals.ts'
import { needsOf, type TestNeeds } from './test-needs.ts'

/** What would make `npm test` longer than five minutes, though it has its place beside the others. */
const SLOW = [
  'test/broker/relay-{aside,commands-*,destination,faults,fidelity,poison,source}.test.ts',
  'test/broker/{listener-changes,log,migration,observability,publisher-faults,topology*}.test.ts',
  'test/{docs/consumers,infra/package}.test.ts',
]
const FOLDERS = '{unit,broker,http,edge,infra,local,docs}'

// A test, or a file of tests, that takes longer than timeoutS has failed; see node's --test-timeout. Quick
// tests wait for most of their time, so that two files at once have a core each.
const SUITES = {
  unit: { files: ['test/unit/**/*.test.ts'], except: [], atOnce: 2, timeoutS: 60 },
  quick: { files: [`test/${FOLDERS}/**/*.test.ts`], except: SLOW, atOnce: 2, timeoutS: 180 },
  long: { files: ['test/long/**/*.test.ts', ...SLOW], except: [], atOnce: 1, timeoutS: 900 },
}

const [suite, ...args] = process.argv.slice(2) as [keyof typeof SUITES, ...string[]]
process.exitCode = await main(suite, args)

/** @param args files instead of the whole suite, options for node's test runner, or both */
async function main(name: keyof typeof SUITES, args: readonly string[]): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'warren-test-'))
  const { stop: signal, hurry } = listenForSignals()
  hurry.addEventListener('abort', () => killNoted(home))
  try {
    const { files, options } = chosen(name, args)
    await provide(needsOf(files), home, process.env, signal)
    const code = await runTests(name, files, options, testEnv(process.env, home), signal)
    return (await endLeftBehind(home)) ? code : 1
  } catch (error) {
    if (error instanceof Interrupted) return 130
    if (!(error instanceof ConfigError)) throw error
    console.error(error.message)
    return 2
  } finally {
    await endNoted(home)
    rmSync(home, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** The files to run, those of the whole suite if none is named, and the options for node's test runner. */
function chosen(name: keyof typeof SUITES, args: readonly string[]) {
  const { files: patterns, except } = SUITES[name]
  const options = args.filter((arg) => arg.startsWith('-'))
  const named = args.filter((arg) => !arg.startsWith('-'))
  const all = () => globSync(patterns, { cwd: ROOT, exclude: except }).sort()
  return { files: named.length > 0 ? named : all(), options }
}

/** @throws {ConfigError} when RabbitMQ or nginx is needed, missing, and cannot be installed */
async function provide(
  needs: TestNeeds,
  home: string,
  env: Env,
  signal: AbortSignal,
): Promise<void> {
  const { WARREN_INSTALL } = readSettings({ WARREN_INSTALL: LOCAL.WARREN_INSTALL }, env)
  const found = await findOrInstall({
    ...needs,
    mayInstall: WARREN_INSTALL,
    env,
    logFile: join(home, 'install.log'),
    say: (line) => console.log(line),
    signal,
  })
  const missing = [
    ...(needs.needRabbitmq && !found.rabbitmq ? (['rabbitmq'] as const) : []),
    ...(needs.needNginx && !found.nginx ? (['nginx'] as const) : []),
  ]
  if (missing.length === 0) return
  throw new ConfigError([`These tests need RabbitMQ or nginx: ${howToInstall(...missing)}`])
}

/** The shell's environment without any setting of ours, and with a folder of the tests' own. */
function testEnv(env: Env, home: string): NodeJS.ProcessEnv {
  const own =
    /^(AMQP_|RABBIT_|API_TOKEN|EDGE_|WARREN_(?!INSTALL$)|AWS_|LOG_LEVEL$|NODE_TEST_CONTEXT$)/
  const rest = Object.entries(env).filter(([key]) => !own.test(key))
  return { ...Object.fromEntries(rest), TMPDIR: home, WARREN_HOME: join(home, 'warren') }
}

async function runTests(
  name: keyof typeof SUITES,
  files: readonly string[],
  options: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const { atOnce, timeoutS } = SUITES[name]
  const child = spawn(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${atOnce}`,
      `--test-timeout=${timeoutS * 1000}`,
      '--test-reporter=spec',
      ...options,
      ...files,
    ],
    { cwd: ROOT, env, stdio: 'inherit' },
  )
  signal.addEventListener('abort', () => child.kill('SIGTERM'))
  const [code] = (await once(child, 'exit')) as [number | null]
  signal.throwIfAborted()
  return code ?? 1
}

/** A test that leaves a process behind has failed, whatever it asserted. */
async function endLeftBehind(home: string): Promise<boolean> {
  const left = await endNoted(home)
  if (left.length > 0) console.error(`Left behind by a test, now ended: ${left.join(', ')}`)
  return left.length === 0
}
