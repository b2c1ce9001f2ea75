import { setTimeout as sleep } from 'node:timers/promises'
import type { Ending } from '../support/ending.ts'
import { EXIT, print } from '../support/report.ts'
import { startCluster } from './cluster.ts'
import { INSIDE, runInNamespace } from './namespace.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { startNaive, startPredecessor } from './others.ts'
import { type RunOptions, run } from './run.ts'
import { reportOf, verdictOf } from './verdict.ts'
import { startFunctions, startGateways, startWarren } from './warren.ts'
import { type Nodes, type Subject, saveAllQueues, startSingle } from './world.ts'

const ENDS_WITHIN_MS = 20_000
const TOPOLOGIES = { single: startSingle, cluster3: startCluster }
const FRONTS = { gateway: startGateways, lambda: startFunctions }
const SUBJECTS = {
  warren: (nodes: Nodes, { front }: Options) => startWarren(ends, nodes, FRONTS[front]),
  predecessor: (nodes: Nodes) => startPredecessor(ends, nodes),
  naive: (nodes: Nodes) => startNaive(ends, nodes),
}

const endings: (() => unknown)[] = []
const ends: Ending = { after: (one) => void endings.unshift(one) }

/** The last first, also what is added meanwhile. One that fails, or takes too long, keeps no other. */
async function end(): Promise<void> {
  for (let one = endings.shift(); one !== undefined; one = endings.shift()) {
    const ended = (async () => one())().catch((error) => console.error(error))
    await Promise.race([ended, sleep(ENDS_WITHIN_MS, undefined, { ref: false })])
  }
}

/**
 * What is just being started can only be ended once it runs. A second signal, as npm and timeout send it
 * after the first, must not cut the end short.
 */
function endOnSignal(starting: Promise<unknown>): void {
  let isEnding = false
  const onSignal = async () => {
    if (isEnding) return
    isEnding = true
    await starting.catch(() => {}) // Whoever waits for it says so.
    await end()
    process.exit(EXIT.cannotRun)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void onSignal())
}

async function start(options: Options): Promise<Pick<RunOptions, 'nodes' | 'subject'>> {
  const nodes = await TOPOLOGIES[options.topology](ends)
  const subject = await SUBJECTS[options.subject](nodes, options)
  await saveAllQueues(nodes)
  return { nodes, subject }
}

const crashNotes = ({ members }: Subject) =>
  Object.values(members)
    .flat()
    .filter(({ crashes }) => crashes > 0)
    .map(({ name, crashes }) => `${name} ended by itself, or did not start, ${crashes} times`)

async function chaos(options: Options): Promise<number> {
  const say = (line: string) => {
    if (!options.json) console.log(line)
  }
  say(`chaos: seed ${options.seed}; starting`)
  const starting = start(options)
  endOnSignal(starting)
  const started = await starting
  const outcome = await run(ends, { ...options, ...started, say })
  const report = reportOf(options, outcome, crashNotes(started.subject))
  print(report, options.json, verdictOf(options, outcome))
  return report.targets.every(({ met }) => met) ? EXIT.met : EXIT.lie
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') console.log(USAGE)
  else if (options.topology === 'cluster3' && process.env[INSIDE] === undefined) {
    process.exitCode = await runInNamespace(process.env)
  } else process.exitCode = await chaos(options)
} catch (error) {
  console.log(`chaos: could not run: ${(error as Error).message}`)
  process.exitCode = EXIT.cannotRun
} finally {
  await end()
  // Whatever did not end in its time must not keep the program: whoever started it waits for its verdict.
  process.exit()
}
