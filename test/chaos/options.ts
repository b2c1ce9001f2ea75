import { parseArgs } from 'node:util'

const CHOICES = {
  topology: ['single', 'cluster3'],
  front: ['gateway', 'lambda'],
  subject: ['warren', 'predecessor', 'naive'],
} as const

type Chosen = { readonly [K in keyof typeof CHOICES]: (typeof CHOICES)[K][number] }

export interface Options extends Chosen {
  readonly ids: number
  readonly faults: number
  readonly seed: number
  /** Draws only faults whose names match. */
  readonly only: RegExp
  readonly json: boolean
}

/** Fewer ids for each fault would leave some of them without messages under way. */
const LEAST_PER_FAULT = 200

/** The usage, for a person. */
export const USAGE = `npm run chaos -- [--ids N] [--faults M] [--seed S] [--topology single|cluster3]
                 [--front gateway|lambda] [--subject warren|predecessor|naive]
                 [--only REGEXP] [--json]

  --ids       messages to publish, at least ${LEAST_PER_FAULT} for each fault (default 100000)
  --faults    faults to draw (default 20)
  --seed      gives the same faults again (default: a new one, which is printed)
  --only      draws only faults whose names match, e.g. 'killed|alarm'
`

/** @throws {Error} in plain words, when an option is wrong */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ids: { type: 'string', default: '100000' },
      faults: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      topology: { type: 'string', default: 'single' },
      front: { type: 'string', default: 'gateway' },
      subject: { type: 'string', default: 'warren' },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const faults = whole('faults', values.faults, 1)
  return {
    faults,
    ids: whole('ids', values.ids, faults * LEAST_PER_FAULT),
    seed: whole('seed', values.seed, 0),
    topology: oneOf('topology', values.topology),
    front: oneOf('front', values.front),
    subject: oneOf('subject', values.subject),
    only: new RegExp(values.only),
    json: values.json,
  }
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw new Error(`--${name} must be a whole number from ${least}`)
}

function oneOf<K extends keyof Chosen>(name: K, text: string): Chosen[K] {
  const all: readonly string[] = CHOICES[name]
  if (all.includes(text)) return text as Chosen[K]
  throw new Error(`--${name} must be one of ${all.join(', ')}`)
}
