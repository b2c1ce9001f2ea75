import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { bundle } from '#infra/plugins/bundle.ts'
import { type ZipEntry, zip } from '#infra/plugins/zip.ts'
import { startBroker } from '../support/broker.ts'
import { observe } from '../support/messages.ts'
import { startProxy } from '../support/proxy.ts'
import { type Report, target } from '../support/report.ts'
import { SECRET_ARN, startSecretsManager } from '../support/secrets-manager.ts'
import { machineCpuSeconds } from './cpu.ts'
import { createRounds, type Figures, type Rounds } from './rounds.ts'

export interface ColdStartBenchOptions {
  /** @default 15 */
  readonly rounds?: number
}

const ROOT = join(import.meta.dirname, '..', '..')
const CHILD = join(import.meta.dirname, 'coldstart-child.cjs')
const PUBLISH = join(ROOT, 'functions', 'publish', 'handler.ts')
const EXCHANGE = 'bench.cold'
/** Added by the proxy per direction: as far as from one availability zone to the next, and back. */
const DELAY_MS = 1

/** What is started anew in every round. */
interface Subject {
  readonly name: string
  readonly file: string
  readonly env: NodeJS.ProcessEnv
}

const EMPTY = 'empty'
const BARE = 'publish'
const LAZY = 'publish, secret'
const EAGER = 'publish, SDK eager'
const UNITS = { load: 'ms', first: 'ms', all: 'ms' }

/** Loading the publish function and its first message, each time in a new process. */
export async function benchColdStart({ rounds = 15 }: ColdStartBenchOptions): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-cold-'))
  const broker = await startBroker()
  const proxy = await startProxy(broker.amqpPort)
  const secrets = await startSecretsManager()
  const observer = await observe(broker.amqpUrl)
  proxy.delayMs = DELAY_MS
  const url = proxy.through(broker.amqpUrl)
  secrets.secrets.set(SECRET_ARN, url)
  try {
    await observer.bind(EXCHANGE, 'bench.cold.q')
    const subjects = await makeSubjects(folder, url, secrets.url)
    const others = await busyCores()
    const results = createRounds()
    // The first of each fills the file cache.
    for (let round = -1; round < rounds; round += 1) {
      for (const subject of subjects) {
        const figures = await measureAgain(subject)
        if (round >= 0) results.add(subject.name, 'cold', round, figures)
      }
    }
    return reportOf(results, zip(await publishFiles()).length / 1000, others)
  } finally {
    await observer.close()
    await secrets.close()
    await proxy.close()
    await broker.dispose()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function makeSubjects(folder: string, url: string, store: string): Promise<Subject[]> {
  await writeFile(
    join(folder, 'empty.cjs'),
    'exports.handler = async () => ({ statusCode: 200 })\n',
  )
  for (const { name, content } of await publishFiles()) await writeFile(join(folder, name), content)
  await writeFile(
    join(folder, 'eager.cjs'),
    `new (require('./secrets-sdk.cjs').SecretsManagerClient)({})
     module.exports = require('./handler.cjs')\n`,
  )
  const aws = {
    AMQP_URL_SECRET_ARN: SECRET_ARN,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: store,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }
  return [
    { name: EMPTY, file: join(folder, 'empty.cjs'), env: {} },
    { name: BARE, file: join(folder, 'handler.cjs'), env: { AMQP_URL: url } },
    { name: LAZY, file: join(folder, 'handler.cjs'), env: aws },
    { name: EAGER, file: join(folder, 'eager.cjs'), env: aws },
  ]
}

/** What the packaged function consists of. */
async function publishFiles(): Promise<ZipEntry[]> {
  const { code, beside } = await bundle(PUBLISH)
  return [{ name: 'handler.cjs', content: code }, ...beside]
}

const TRIES = 5

/** On a machine that is very busy with others a start may take longer than the function waits for. */
async function measureAgain(subject: Subject): Promise<Figures> {
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      return await measure(subject)
    } catch (error) {
      if (left === 0) throw error
    }
  }
}

async function measure({ name, file, env }: Subject): Promise<Figures> {
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, file, EXCHANGE], {
    env: { PATH: process.env['PATH'], ...env },
  })
  // The function's log comes before.
  const { status, load, first } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  if (status !== 200) throw new Error(`${name} answered ${status}`)
  return { load, first, all: load + first }
}

/** How many cores others use, while nothing of ours works. */
async function busyCores(): Promise<number> {
  const before = machineCpuSeconds()
  await sleep(1000)
  return machineCpuSeconds() - before
}

/** From here on the figures say more about others than about us. */
const NOISE = 0.3

function reportOf(results: Rounds, kb: number, others: number): Report {
  const over = (of: string, metric: string) => results.difference(metric, of, EMPTY, 'cold')
  return {
    name: 'coldstart',
    rows: results.rows(UNITS),
    ratios: [results.ratio('all', LAZY, EAGER, 'cold')],
    targets: [
      target('load over an empty bundle, ms', over(BARE, 'load'), 'most', 25, 15),
      target('the same with the SDK, ms', over(EAGER, 'load'), 'most', 45, 38),
      target('zip with the SDK, kB', kb, 'most', 300),
    ],
    notes: [
      `${DELAY_MS} ms per direction between the function and the broker`,
      ...(others > NOISE ? [`the machine was busy: others used ${others.toFixed(1)} cores`] : []),
    ],
  }
}
