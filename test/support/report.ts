import { formula, type Growth } from './growth.ts'

/** One measured quantity of one subject: median, least and most over the rounds. */
export interface Row {
  readonly subject: string
  /** What was varied, e.g. `c=64`. */
  readonly setting: string
  readonly metric: string
  readonly unit: string
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Median over the rounds of the quotient of two subjects, each pair measured in the same round. */
export interface Ratio {
  readonly of: string
  readonly to: string
  readonly setting: string
  readonly metric: string
  readonly median: number
}

/** What was aimed at. `least`: the figure must be at least the goal; else at most. */
export interface Target {
  readonly what: string
  readonly goal: number
  readonly stretch?: number
  readonly got: number
  readonly met: boolean
}

export interface Report {
  readonly name: string
  readonly rows: readonly Row[]
  readonly ratios: readonly Ratio[]
  readonly targets: readonly Target[]
  /** What the reader must know, e.g. that the machine was noisy. */
  readonly notes: readonly string[]
  /** How figures grow with a number, where that was measured. */
  readonly growths?: readonly Growth[]
}

/** Exit codes of the evidence programs. */
export const EXIT = { met: 0, lie: 1, cannotRun: 2, short: 3 } as const

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** @param direction whether the figure is to be at least or at most the goal */
export function target(
  what: string,
  got: number,
  direction: 'least' | 'most',
  goal: number,
  stretch?: number,
): Target {
  const met = direction === 'least' ? got >= goal : got <= goal
  return { what, goal, ...(stretch === undefined ? {} : { stretch }), got, met }
}

/**
 * Prints the report as tables for a person, or as one JSON object; the last line is the verdict.
 * @param verdict says in one line what was found, in the words of the program
 */
export function print(report: Report, asJson: boolean, verdict: string): void {
  if (asJson) {
    console.log(JSON.stringify(report))
  } else {
    table(
      ['subject', 'setting', 'metric', 'median', 'min', 'max', 'unit'],
      report.rows.map(rowCells),
    )
    table(
      ['growth of', 'over n', 'subject', 'law', 'off by', 'unit'],
      (report.growths ?? []).map(growthCells),
    )
    table(['ratio', 'to', 'setting', 'metric', 'median'], report.ratios.map(ratioCells))
    table(['target', 'goal', 'stretch', 'got', ''], report.targets.map(targetCells))
    for (const note of report.notes) console.log(`note: ${note}`)
  }
  console.log(verdict)
}

/** The verdict of a benchmark. */
export function benchVerdict({ name, targets }: Report): string {
  const short = targets.filter(({ met }) => !met)
  const names = short.length === 0 ? '' : `; short: ${short.map(({ what }) => what).join(', ')}`
  return `bench ${name}: ${targets.length - short.length} of ${targets.length} targets met${names}`
}

const figure = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)

const rowCells = (row: Row) => [
  row.subject,
  row.setting,
  row.metric,
  ...[row.median, row.min, row.max].map(figure),
  row.unit,
]
const ratioCells = ({ of, to, setting, metric, median: value }: Ratio) => [
  of,
  to,
  setting,
  metric,
  figure(value),
]
const growthCells = (growth: Growth) => [
  growth.metric,
  growth.over,
  growth.subject,
  formula(growth),
  `${(100 * growth.residual).toFixed(0)} %`,
  growth.unit,
]
const targetCells = ({ what, goal, stretch, got, met }: Target) => [
  what,
  figure(goal),
  stretch === undefined ? '' : figure(stretch),
  figure(got),
  met ? 'met' : 'SHORT',
]

/** Prints columns. Nothing without rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return
  const widths = head.map((_, i) =>
    Math.max(...[head, ...rows].map((row) => (row[i] ?? '').length)),
  )
  for (const row of [head, ...rows]) {
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  }
  console.log()
}
