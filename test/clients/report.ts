import { EXIT, type Report, table } from '../support/report.ts'
import { sha256 } from './bodies.ts'
import type { Cell } from './cell.ts'
import type { Client } from './clients.ts'
import { FRONTS } from './fronts.ts'
import type { Wire } from './wire.ts'

/** All that was seen of one client. */
export interface Result {
  readonly client: Client
  readonly version: string
  readonly wire: Wire
  readonly cells: readonly Cell[]
}

/** What a run keeps of a client; docs/clients.md is made from it and from the snippets. */
export interface ClientRecord extends Wire {
  readonly name: string
  readonly version: string
  /** SHA-256 of the snippet that ran. */
  readonly snippet: string
}

/** Of one whole run. */
export interface ClientsReport extends Report {
  readonly clients: readonly ClientRecord[]
  /** Clients that are not there, each with what to install. */
  readonly notRun: readonly string[]
  /** Whether a client was told something else than what is in the queue. */
  readonly lied: boolean
}

const identicalIn = ({ findings }: Cell): number =>
  findings.filter(({ kind }) => kind === 'identical').length

export function reportOf(results: readonly Result[], absent: readonly Client[]): ClientsReport {
  const cells = results.flatMap((result) => result.cells)
  const good = cells.filter((cell) => identicalIn(cell) === cell.findings.length)
  const goal = (results.length + absent.length) * FRONTS.length
  const got = good.length
  return {
    name: 'clients',
    rows: cells.map(rowOf),
    ratios: [],
    targets: [{ what: 'cells identical', goal, got, met: got === goal }],
    notes: cells.flatMap(notesOf),
    clients: results.map(({ client, version, wire }) => ({
      name: client.name,
      version,
      snippet: sha256(client.snippet),
      ...wire,
    })),
    notRun: absent.map(({ name, packages }) => `${name} (${packages.join(', ')})`),
    lied: cells.some(({ findings }) => findings.some(({ kind }) => kind === 'lie')),
  }
}

function rowOf(cell: Cell) {
  const { client, front, findings } = cell
  const count = identicalIn(cell)
  return {
    subject: client.name,
    setting: front,
    metric: 'bodies identical',
    unit: `of ${findings.length}`,
    median: count,
    min: count,
    max: count,
  }
}

const notesOf = ({ client, front, findings }: Cell): string[] =>
  findings.flatMap(({ kind, says, body }) =>
    kind === 'identical' ? [] : [`${client.name}, ${front}, ${body}: ${kind}: ${says}`],
  )

/** The last line. */
export function clientsVerdict({ targets, notRun }: ClientsReport): string {
  const [{ got, goal } = { got: 0, goal: 0 }] = targets
  const missing = notRun.length === 0 ? '' : `; not run (--install): ${notRun.join('; ')}`
  return `clients: ${got} of ${goal} cells identical${missing}`
}

/** A lie weighs most, then what could not be tried, then what was refused. */
export function exitOf({ lied, notRun, targets }: ClientsReport): number {
  if (lied) return EXIT.lie
  if (notRun.length > 0) return EXIT.cannotRun
  return targets.every(({ met }) => met) ? EXIT.met : EXIT.short
}

/** A line for each client. */
export function printTable({ clients, rows, notes }: ClientsReport): void {
  const head = ['client', 'version', ...FRONTS, 'on the wire', 'TLS']
  table(
    head,
    clients.map(({ name, version, framing, tls }) => [
      name,
      version,
      ...FRONTS.map((front) => {
        const row = rows.find(({ subject, setting }) => subject === name && setting === front)
        return `${row?.median} ${row?.unit}`
      }),
      framing,
      tls.intermediate ?? (tls.old === undefined ? 'none' : `${tls.old} (old)`),
    ]),
  )
  for (const note of notes) console.log(`note: ${note}`)
}
