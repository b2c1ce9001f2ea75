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

/** What would make `npm test` longer than five minutes, though it has its place beside the others. */
const SLOW = [
  'test/broker/relay-{commands-*,destination,faults,fidelity,poison,source}.test.ts',
  'test/broker/{listener-changes,migration,observability,publisher-faults,topology*}.test.ts',
  'test/{docs/consumers,infra/package}.test.ts',
]
const FOLDERS = '{unit,broker,http,edge,infra,local,docs}'

// A test, or a file of tests, that takes longer than timeoutS has failed; see node's --test-timeout. Quick
// tests wait for most of their time, so that two files at once have a core each.
const SUITES = {
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
    await provide(home, process.env, signal)
    const code = await runTests(name, args, testEnv(process.env, home), signal)
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

/** @throws {ConfigError} when RabbitMQ or nginx is missing and cannot be installed */
async function provide(home: string, env: Env, signal: AbortSignal): Promise<void> {
  const { WARREN_INSTALL } = readSettings({ WARREN_INSTALL: LOCAL.WARREN_INSTALL }, env)
  const found = await findOrInstall({
    needRabbitmq: true,
    needNginx: true,
    mayInstall: WARREN_INSTALL,
    env,
    logFile: join(home, 'install.log'),
    say: (line) => console.log(line),
    signal,
  })
  const missing = (['rabbitmq', 'nginx'] as const).filter((program) => !found[program])
  if (missing.length > 0) {
    throw new ConfigError([`The tests need RabbitMQ and nginx: ${howToInstall(...missing)}`])
  }
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
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const { files: patterns, except, atOnce, timeoutS } = SUITES[name]
  const all = globSync(patterns, { cwd: ROOT, exclude: except }).sort()
  const options = args.filter((arg) => arg.startsWith('-'))
  const files = args.filter((arg) => !arg.startsWith('-'))
  const child = spawn(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${atOnce}`,
      `--test-timeout=${timeoutS * 1000}`,
      '--test-reporter=spec',
      ...options,
      ...(files.length > 0 ? files : all),
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
