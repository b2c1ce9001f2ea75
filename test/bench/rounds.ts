import { median, type Ratio, type Row } from '../support/report.ts'

/** What one run of one subject gave: metric to figure. */
export type Figures = Readonly<Record<string, number>>

/** All runs of all rounds. */
export interface Rounds {
  add(subject: string, setting: string, round: number, figures: Figures): void
  rows(units: Readonly<Record<string, string>>): Row[]
  /** The median over the rounds of `of` divided by `to`. */
  ratio(metric: string, of: string, to: string, setting: string, toSetting?: string): Ratio
  /** The median over the rounds of `of` less `to`. */
  difference(metric: string, of: string, to: string, setting: string): number
}

interface Run {
  readonly subject: string
  readonly setting: string
  readonly round: number
  readonly figures: Figures
}

/** Collects the runs of interleaved rounds, so that subjects are compared under the same noise. */
export function createRounds(): Rounds {
  const runs: Run[] = []
  const figure = (metric: string, subject: string, setting: string, round: number) =>
    runs.find((r) => r.subject === subject && r.setting === setting && r.round === round)?.figures[
      metric
    ]
  return {
    add: (subject, setting, round, figures) => {
      runs.push({ subject, setting, round, figures })
    },
    rows: (units) => {
      const keys = [...new Set(runs.map((r) => JSON.stringify([r.subject, r.setting])))]
      return keys.flatMap((key) => {
        const [subject, setting] = JSON.parse(key) as [string, string]
        const own = runs.filter((r) => r.subject === subject && r.setting === setting)
        return Object.keys(own[0]?.figures ?? {}).map((metric) => {
          const values = own.map((r) => r.figures[metric] ?? Number.NaN)
          const [min, max] = [Math.min(...values), Math.max(...values)]
          const unit = units[metric] ?? ''
          return { subject, setting, metric, unit, median: median(values), min, max }
        })
      })
    },
    ratio: (metric, of, to, setting, toSetting = setting) => {
      const rounds = [...new Set(runs.map(({ round }) => round))]
      const quotients = rounds.map(
        (round) =>
          (figure(metric, of, setting, round) ?? Number.NaN) /
          (figure(metric, to, toSetting, round) ?? Number.NaN),
      )
      const known = quotients.filter((value) => !Number.isNaN(value))
      return { of, to, setting, metric, median: median(known) }
    },
    difference: (metric, of, to, setting) => {
      const rounds = [...new Set(runs.map(({ round }) => round))]
      return median(
        rounds.map(
          (round) =>
            (figure(metric, of, setting, round) ?? Number.NaN) -
            (figure(metric, to, setting, round) ?? Number.NaN),
        ),
      )
    },
  }
}
