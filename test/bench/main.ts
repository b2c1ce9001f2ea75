import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { killNoted } from '#infra/local/processes.ts'
import { benchVerdict, EXIT, print, type Report } from '../support/report.ts'
import { benchColdStart } from './coldstart.ts'
import { benchGrowth } from './growth.ts'
import { benchPublish } from './publish.ts'
import { benchRelay } from './relay.ts'
import { benchSoak } from './soak.ts'

/** Each benchmark by its name; all of them run with `all`. */
const BENCHES: Readonly<Record<string, (options: Options) => Promise<Report>>> = {
  publish: benchPublish,
  relay: benchRelay,
  coldstart: benchColdStart,
  growth: benchGrowth,
  soak: benchSoak,
}

/** It takes hours: only who asks for it gets it. */
const ALONE = 'soak'

interface Options {
  readonly rounds?: number
  readonly seconds?: number
  readonly messages?: number
  readonly points?: number
  readonly minutes?: number
  readonly out?: string
}

const USAGE = `npm run bench -- [${Object.keys(BENCHES).join(' | ')} | all] [--rounds N] [--seconds S] [--messages M] [--points P] [--minutes M] [--out FILE] [--json]`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    messages: { type: 'string' },
    points: { type: 'string' },
    minutes: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const [name = 'all'] = positionals
const chosen = name === 'all' ? Object.keys(BENCHES).filter((one) => one !== ALONE) : [name]
if (values.help || chosen.some((one) => BENCHES[one] === undefined)) {
  console.log(USAGE)
  process.exit(values.help ? EXIT.met : EXIT.cannotRun)
}

const options: Options = {
  ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }),
  ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
  ...(values.messages === undefined ? {} : { messages: Number(values.messages) }),
  ...(values.points === undefined ? {} : { points: Number(values.points) }),
  ...(values.minutes === undefined ? {} : { minutes: Number(values.minutes) }),
  ...(values.out === undefined ? {} : { out: values.out }),
}
// All that a benchmark starts is noted below it, and ends with a Ctrl-C.
const home = mkdtempSync(join(tmpdir(), 'warren-bench-'))
process.env['TMPDIR'] = home
const tidy = () => rmSync(home, { recursive: true, force: true, maxRetries: 3 })
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killNoted(home)
    tidy()
    process.exit(EXIT.cannotRun)
  })
}

let exit: number = EXIT.met
for (const one of chosen) {
  try {
    const report = await (BENCHES[one] as (typeof BENCHES)[string])(options)
    print(report, values.json, benchVerdict(report))
    if (report.targets.some(({ met }) => !met)) exit = EXIT.short
  } catch (error) {
    console.log(`bench ${one}: could not run: ${(error as Error).message}`)
    exit = EXIT.cannotRun
  }
}
tidy()
process.exitCode = exit
