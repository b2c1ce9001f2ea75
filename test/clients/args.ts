import { parseArgs } from 'node:util'
import { CLIENTS, type Client } from './clients.ts'

export const USAGE = `npm run clients -- [part of a client's name …] [--install] [--json]
npm run clients -- --docs

Sends messages with every client through gateway, serverless offline and edge, and compares what is in
the queue with what was sent.

  --install  installs what is missing with apt-get; no system service is started or enabled
  --json     prints the report as one JSON object
  --docs     sends nothing: writes docs/clients.md from the run that \`npm run evidence -- clients\` kept`

export interface Args {
  /** At least one. */
  readonly clients: readonly Client[]
  readonly install: boolean
  readonly docs: boolean
  readonly json: boolean
  readonly help: boolean
}

/** @throws {Error} for what the usage does not allow */
export function readArgs(args: readonly string[]): Args {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      install: { type: 'boolean', default: false },
      docs: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const clients = choose(positionals)
  if (clients.length === 0) throw new Error('No client has such a name.')
  return { clients, ...values }
}

function choose(parts: readonly string[]): readonly Client[] {
  const has = (name: string) => (part: string) => name.toLowerCase().includes(part.toLowerCase())
  return parts.length === 0 ? CLIENTS : CLIENTS.filter(({ name }) => parts.some(has(name)))
}
