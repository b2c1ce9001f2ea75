import { writeFile } from 'node:fs/promises'
import { Interrupted, listenForSignals } from '#infra/local/signals.ts'
import { lastFirst } from '../support/ending.ts'
import { EXIT } from '../support/report.ts'
import { type Args, readArgs, USAGE } from './args.ts'
import { clientsPage, PAGE, readRun } from './page.ts'
import { type ClientsReport, clientsVerdict, exitOf, printTable, reportOf } from './report.ts'
import { runClients } from './run.ts'

process.exitCode = await main(process.argv.slice(2))

async function main(given: readonly string[]): Promise<number> {
  let args: Args
  try {
    args = readArgs(given)
  } catch (error) {
    console.log(`${(error as Error).message}\n\n${USAGE}`)
    return EXIT.cannotRun
  }
  if (args.help) console.log(USAGE)
  else if (args.docs) await writeFile(PAGE, clientsPage(readRun()))
  else return await tryAll(args)
  return EXIT.met
}

async function tryAll(args: Args): Promise<number> {
  try {
    const report = await reportOfRun(args)
    if (args.json) console.log(JSON.stringify(report))
    else printTable(report)
    console.log(clientsVerdict(report))
    return exitOf(report)
  } catch (error) {
    if (error instanceof Interrupted) return 130
    console.log(`clients: could not run: ${(error as Error).message}`)
    return EXIT.cannotRun
  }
}

async function reportOfRun({ clients, install }: Args): Promise<ClientsReport> {
  const { stop: signal } = listenForSignals()
  const say = (line: string) => console.error(line)
  let end: () => unknown = () => {}
  const ending = lastFirst({
    after: (all) => {
      end = all
    },
  })
  try {
    const { results, absent } = await runClients(clients, ending, { install, say, signal })
    return reportOf(results, absent)
  } finally {
    await end()
  }
}
