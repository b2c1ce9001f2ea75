import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EXIT, type Report } from '../support/report.ts'
import { describeMachine } from './machine.ts'
import { makePages } from './page.ts'
import { PROGRAMS, type Program, type Run } from './runs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DOCS = join(ROOT, 'docs')

const USAGE = `npm run evidence                       makes docs/evidence.md, and the tables of docs/scale.md and of
                                       README.md, from the runs in docs/evidence
npm run evidence -- NAME [-- OPTION…]  runs a program first, and keeps what it prints
NAME: ${Object.keys(PROGRAMS).join(', ')}`

const [name, ...more] = process.argv.slice(2)
process.exitCode = main()

function main(): number {
  if (name === undefined) return writePages()
  const program = PROGRAMS[name]
  if (program === undefined) {
    console.log(USAGE)
    return EXIT.cannotRun
  }
  const { run, code } = runProgram(program, more.slice(more[0] === '--' ? 1 : 0))
  if (run !== undefined) {
    mkdirSync(join(DOCS, 'evidence'), { recursive: true })
    writeFileSync(runFile(name), `${JSON.stringify(run, null, 2)}\n`)
    writePages()
  }
  return code
}

/** A run that could not be made is not kept; one that found a lie is. */
function runProgram({ command }: Program, options: readonly string[]) {
  const args = [...command, ...(command.includes('--') ? [] : ['--']), ...options]
  const began = Date.now()
  const machine = describeMachine()
  const child = spawnSync('npm', ['run', '--silent', ...args, '--json'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 30,
  })
  process.stdout.write(child.stdout)
  const code = child.status ?? EXIT.cannotRun
  const lines = child.stdout.trimEnd().split('\n')
  const json = lines.findLast((line) => line.startsWith('{'))
  if (json === undefined || code === EXIT.cannotRun) return { code: EXIT.cannotRun }
  const run: Run = {
    report: JSON.parse(json) as Report,
    verdict: lines.at(-1) ?? '',
    command: args.join(' ').replace(/ --$/, ''),
    at: new Date(began).toISOString(),
    minutes: Math.max(1, Math.round((Date.now() - began) / 60_000)),
    machine,
  }
  return { run, code }
}

function writePages(): number {
  const read = (path: string) => readFileSync(join(DOCS, path), 'utf8')
  const pages = makePages(readRuns(), { scale: read('scale.md'), readme: read('../README.md') })
  for (const [path, text] of Object.entries(pages)) {
    writeFileSync(join(DOCS, path), text)
  }
  return EXIT.met
}

function readRuns(): Record<string, Run> {
  const names = Object.keys(PROGRAMS).filter((one) => existsSync(runFile(one)))
  return Object.fromEntries(
    names.map((one) => [one, JSON.parse(readFileSync(runFile(one), 'utf8'))]),
  )
}

function runFile(one: string): string {
  return join(DOCS, 'evidence', `${one}.json`)
}
