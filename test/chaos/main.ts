import { type Ending, lastFirst } from '../support/ending.ts'
import { EXIT, print } from '../support/report.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { run } from './run.ts'
import { reportOf, verdictOf } from './verdict.ts'
import { startGateways, startWarren } from './warren.ts'
import { saveAllQueueNames, startSingle } from './world.ts'

async function chaos(ends: Ending, options: Options): Promise<number> {
  const say = (line: string) => {
    if (!options.json) console.log(line)
  }
  say(`chaos: seed ${options.seed}; starting`)
  const nodes = await startSingle(ends)
  const subject = await startWarren(ends, nodes, startGateways)
  await saveAllQueueNames(nodes)
  const outcome = await run(ends, { ...options, nodes, subject, say })
  const report = reportOf(options, outcome, [])
  print(report, options.json, verdictOf(options, outcome))
  return report.targets.every(({ met }) => met) ? EXIT.met : EXIT.lie
}

let end = async () => {}
const ends = lastFirst({
  after: (all) => {
    end = async () => void (await all())
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void end().finally(() => process.exit(EXIT.cannotRun))
  })
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') console.log(USAGE)
  else process.exitCode = await chaos(ends, options)
} catch (error) {
  console.log(`chaos: could not run: ${(error as Error).message}`)
  process.exitCode = EXIT.cannotRun
} finally {
  await end()
}
