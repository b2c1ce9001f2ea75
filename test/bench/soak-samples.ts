import { existsSync, readFileSync } from 'node:fs'
import { fit } from '../support/growth.ts'
import { median } from '../support/report.ts'

/** What the gateway held at one moment; sizes in bytes. */
export interface Sample {
  readonly second: number
  /** Right after a full garbage collection. */
  readonly collected: boolean
  readonly rss: number
  readonly anonymous: number
  readonly heapTotal: number
  readonly heapUsed: number
  readonly external: number
  readonly arrayBuffers: number
  readonly resources: Readonly<Record<string, number>>
}

/** The samples so far. @param file one JSON object a line */
export const samplesOf = (file: string): Sample[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : []

const HOUR_S = 3600
const MB = 1e6

/** MB an hour by which a figure grows, as a straight line through the samples has it. */
export function growthPerHour(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const points = samples.map((sample) => ({ x: sample.second / HOUR_S, y: of(sample) / MB }))
  return fit('line', points).b
}

/** Of the resident set, in MB: the median of the last third by that of the third before. */
export function plateau(samples: readonly Sample[]): number {
  const third = Math.floor(samples.length / 3)
  const of = (part: readonly Sample[]) => median(part.map(({ rss }) => rss))
  return of(samples.slice(2 * third)) / of(samples.slice(third, 2 * third))
}

/** All that the process keeps open, of whatever kind. */
export const openResources = ({ resources }: Sample): number =>
  Object.values(resources).reduce((sum, count) => sum + count, 0)
