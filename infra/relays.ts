import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { parse } from 'yaml'
import { ConfigError, type Env } from '#lib/config.ts'
import { RELAY, readRelay } from '#lib/config-relay.ts'
import { stagingName } from '#lib/names.ts'

/** One listener: one relay process, or one binding. */
export interface RelayEntry {
  /** Unique; becomes service and resource names. */
  readonly name: string
  readonly exchange: string
  readonly queue: string
  readonly mode: 'relay' | 'bind'
  /** More settings of the relay, as environment variables. */
  readonly settings: Readonly<Record<string, string>>
}

/** infra/relays.yml of this checkout. */
const RELAYS_FILE = new URL('relays.yml', import.meta.url)

const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/
const GIVEN = ['EXCHANGE', 'QUEUE_TOPIC', 'RELAY_MODE', 'HOST', 'HEALTH_PORT', 'METRICS_STACK']
const SECRET = /URL$|PASS$|TOKEN|SECRET/

const settings = v.record(
  v.pipe(
    v.string(),
    v.check((key) => !GIVEN.includes(key), 'is set by the entry itself'),
    v.check((key) => key in RELAY, 'is no setting of a relay'),
    v.check((key) => !SECRET.test(key), 'may hold a secret, which does not belong into this file'),
  ),
  v.pipe(
    v.union([v.string(), v.number(), v.boolean()], 'must be a text, a number or a boolean'),
    v.transform(String),
  ),
)

const text = v.pipe(v.string('must be a text'), v.nonEmpty('must not be empty'))

const entry = v.pipe(
  v.strictObject(
    {
      name: v.optional(text),
      exchange: text,
      queue: text,
      mode: v.optional(v.picklist(['relay', 'bind'], 'must be relay or bind'), 'relay'),
      settings: v.optional(settings, {}),
    },
    ({ expected }) => (expected === 'never' ? 'is not known here' : 'must be set'),
  ),
  v.transform((read) => ({ ...read, name: read.name ?? read.queue })),
  v.check(
    ({ name }) => NAME.test(name),
    'needs a `name` of at most 40 of a-z, 0-9 and hyphens (the default is the queue)',
  ),
)

const file = v.strictObject(
  { relays: v.pipe(v.array(entry, 'must be a list'), v.nonEmpty('needs at least one entry')) },
  'must be an object with the list `relays`',
)

/** Two relays with the same way would share one staging queue, and each would take the other's bindings for stale. */
function taken(relay: RelayEntry, earlier: readonly RelayEntry[]): string[] {
  const { name } = relay
  const sameName = earlier.some((other) => other.name === name)
  const staging = stagingOf(relay)
  const rival = earlier.find((other) => staging !== undefined && stagingOf(other) === staging)
  return [
    ...(sameName ? [`${name}: this name is taken by an earlier entry`] : []),
    ...(rival === undefined || sameName
      ? []
      : [`${name}: ${rival.name} has the staging queue ${staging} already; set STAGING_QUEUE`]),
  ]
}

/** Of a relay that copies; one that binds has none. */
const stagingOf = ({ mode, exchange, queue, settings }: RelayEntry): string | undefined =>
  mode === 'bind' ? undefined : (settings['STAGING_QUEUE'] ?? stagingName(exchange, queue))

/**
 * Reads the listeners and checks the settings of each of them.
 * @throws {ConfigError} with every problem, each naming its entry
 */
export function readRelays(path: string | URL = RELAYS_FILE): readonly RelayEntry[] {
  const result = v.safeParse(file, parseYaml(path))
  const problems = result.success
    ? result.output.relays.flatMap((relay, index, all) => [
        ...wrongSettings(relay),
        ...taken(relay, all.slice(0, index)),
      ])
    : result.issues.map((issue) => `${v.getDotPath(issue) ?? 'the file'} ${issue.message}`)
  if (!result.success || problems.length > 0) {
    throw new ConfigError(problems.map((problem) => `infra/relays.yml: ${problem}`))
  }
  return result.output.relays
}

function parseYaml(path: string | URL): unknown {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const [line] = (error as Error).message.split('\n')
    throw new ConfigError([`infra/relays.yml cannot be read: ${line}`])
  }
}

/** The environment of this entry's relay, without its broker and its health port. */
export const relayEnv = ({ exchange, queue, mode, settings }: RelayEntry): Env => ({
  ...settings,
  EXCHANGE: exchange,
  QUEUE_TOPIC: queue,
  RELAY_MODE: mode,
})

function wrongSettings(relay: RelayEntry): string[] {
  try {
    readRelay(relayEnv(relay))
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((problem) => `${relay.name}: ${problem}`)
  }
}
