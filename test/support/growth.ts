import type { Row } from './report.ts'

/** `line`: y = a + b x, for what adds up. `power`: y = a x^b, for what has no unit of its own. */
export type Law = 'line' | 'power'

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Fit {
  readonly law: Law
  readonly a: number
  /** The slope of a line, the exponent of a power. */
  readonly b: number
  /** Root mean square of what the law is off by, as a share of each measured figure. */
  readonly residual: number
}

/** How one figure of one subject grows with a number. */
export interface Growth extends Fit {
  readonly subject: string
  /** What is counted, e.g. `connections`; the settings of its rows are `connections=64`. */
  readonly over: string
  readonly metric: string
  readonly unit: string
  readonly points: readonly Point[]
}

interface Weighted extends Point {
  readonly weight: number
}

/** The figure that a law gives for a number. */
export const valueAt = ({ law, a, b }: Fit, x: number): number =>
  law === 'line' ? a + b * x : a * x ** b

/**
 * Fits a law by least squares of the relative deviations, so that small numbers count as much as
 * large ones (of a power: of the logarithms). Figures that are not above 0 were below what can be
 * measured, and are left out.
 */
export function fit(law: Law, points: readonly Point[]): Fit {
  const known = points.filter(({ y }) => y > 0)
  const fitted = law === 'line' ? fitLine(known) : fitPower(known)
  const squares = known.map(({ x, y }) => (valueAt(fitted, x) / y - 1) ** 2)
  return { ...fitted, residual: Math.sqrt(sum(squares) / known.length) }
}

const fitLine = (points: readonly Point[]): Fit => ({
  law: 'line',
  ...regress(points.map((point) => ({ ...point, weight: point.y ** -2 }))),
  residual: Number.NaN,
})

function fitPower(points: readonly Point[]): Fit {
  const logs = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y), weight: 1 }))
  const { a, b } = regress(logs)
  return { law: 'power', a: Math.exp(a), b, residual: Number.NaN }
}

/** Weighted linear regression. */
function regress(points: readonly Weighted[]): { a: number; b: number } {
  const all = sum(points.map(({ weight }) => weight))
  const x = sum(points.map((p) => p.weight * p.x)) / all
  const y = sum(points.map((p) => p.weight * p.y)) / all
  const xy = sum(points.map((p) => p.weight * (p.x - x) * (p.y - y)))
  const b = xy / sum(points.map((p) => p.weight * (p.x - x) ** 2))
  return { a: y - b * x, b }
}

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)

/** Fits a law to the medians of the rows whose setting is a number of `over`. */
export function growthOf(
  rows: readonly Row[],
  [subject, over, metric, law]: readonly [string, string, string, Law],
): Growth {
  const own = rows.filter(
    (row) => row.subject === subject && row.metric === metric && row.setting.startsWith(`${over}=`),
  )
  const points = own.map(({ setting, median }) => ({
    x: Number(setting.slice(over.length + 1)),
    y: median,
  }))
  return { subject, over, metric, unit: own[0]?.unit ?? '', points, ...fit(law, points) }
}

/** What the arithmetic of a fit leaves where there is nothing. */
const ROUNDING = 1e-12

/** The law as a reader would write it. */
export function formula({ law, a, b }: Fit): string {
  const short = (value: number) => String(Math.abs(value) < ROUNDING ? 0 : +value.toPrecision(3))
  const [first, second] = [short(a), short(Math.abs(b))]
  if (law === 'power') return `${first} · n^${b < 0 ? '-' : ''}${second}`
  return `${first} ${b < 0 ? '-' : '+'} ${second} · n`
}
