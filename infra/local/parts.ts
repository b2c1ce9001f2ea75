/** One of the processes that make up the local stack. */
export interface Part {
  /** For messages, e.g. `relay topic1`. */
  readonly name: string
  /** Where all that it printed is. */
  readonly logFile: string
  /** Settles when it has ended, whoever ended it. */
  readonly ended: Promise<unknown>
  lastLines(): readonly string[]
  stop(): Promise<unknown>
}

/** Started from left to right, stopped from right to left. */
const LAYERS = ['broker', 'clients', 'edge'] as const

/** What runs. */
export interface Parts {
  /** Adds a part that runs now. */
  add(layer: (typeof LAYERS)[number], part: Part): void
  /** Resolves with the first part that ended by itself. */
  readonly crashed: Promise<Part>
  /** Stops all, one layer after the other. */
  stop(): Promise<void>
}

export function createParts(): Parts {
  const parts: Record<(typeof LAYERS)[number], Part[]> = { broker: [], clients: [], edge: [] }
  const crash = Promise.withResolvers<Part>()
  return {
    add: (layer, part) => {
      parts[layer].push(part)
      void part.ended.then(() => crash.resolve(part))
    },
    crashed: crash.promise,
    stop: async () => {
      for (const layer of LAYERS.toReversed()) {
        await Promise.all(parts[layer].map((part) => part.stop()))
      }
    },
  }
}

/** A part ended by itself. The message names it, with its last lines. */
export class PartCrashed extends Error {
  override readonly name = 'PartCrashed'

  constructor(part: Part) {
    const lines = part.lastLines().map((line) => `  ${line}`)
    super([`${part.name} ended by itself. Its last lines (${part.logFile}):`, ...lines].join('\n'))
  }
}
