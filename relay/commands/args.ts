import { type ParseArgsConfig, parseArgs } from 'node:util'
import { ConfigError, readSettings, whole } from '#lib/config.ts'
import { redact } from '#lib/log.ts'

/** Which parked messages: each list that is not empty must have one that fits. */
export interface Filter {
  readonly reasons: readonly string[]
  readonly messageIds: readonly string[]
  /** AMQP topic patterns. */
  readonly routingKeys: readonly string[]
  /** Name and the value as text. */
  readonly headers: readonly (readonly [string, string])[]
}

export interface CheckCommand {
  readonly name: 'check'
  readonly json: boolean
  /** Of the management API; without it bindings cannot be listed. */
  readonly management: URL | undefined
}

export interface ReplayCommand {
  readonly name: 'replay'
  readonly json: boolean
  readonly dryRun: boolean
  /** At most so many. */
  readonly count: number
  readonly filter: Filter
}

export interface DetachCommand {
  readonly name: 'detach'
  readonly json: boolean
  /** How long draining may take. */
  readonly timeoutMs: number
}

export type Command = { readonly name: 'run' } | CheckCommand | ReplayCommand | DetachCommand

type Options = NonNullable<ParseArgsConfig['options']>

const FLAG = { type: 'boolean' } as const
const VALUE = { type: 'string' } as const
const VALUES = { type: 'string', multiple: true } as const

const OPTIONS: Readonly<Record<Command['name'], Options>> = {
  run: {},
  check: { json: FLAG, management: VALUE },
  replay: {
    json: FLAG,
    'dry-run': FLAG,
    count: VALUE,
    reason: VALUES,
    'message-id': VALUES,
    'routing-key': VALUES,
    header: VALUES,
  },
  detach: { json: FLAG, timeout: VALUE },
}

export const COMMANDS = Object.keys(OPTIONS) as readonly Command['name'][]

const MOST_REPLAYED = 1_000_000_000
const TIMEOUT_S = 300
const DAY_S = 86_400

/**
 * The command with its options; none means `run`.
 * @throws {ConfigError} with everything that is wrong; never with a value that may be secret
 */
export function parseCommand(args: readonly string[]): Command {
  const [first = 'run'] = args
  const isNamed = args.length > 0 && !first.startsWith('-')
  const name = COMMANDS.find((known) => known === (isNamed ? first : 'run'))
  if (name === undefined) {
    throw new ConfigError([`unknown command ${redact(first)}: there are ${COMMANDS.join(', ')}`])
  }
  const given = read(name, isNamed ? args.slice(1) : args)
  const command = toCommand(name, given)
  if (given.problems.length > 0) throw new ConfigError(given.problems)
  return command
}

interface Given {
  /** What is wrong so far. */
  readonly problems: string[]
  has(option: string): boolean
  values(option: string): readonly string[]
}

/** Not strict: that would stop at the first mistake. */
function read(name: Command['name'], args: readonly string[]): Given {
  const options = OPTIONS[name]
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const problems: string[] = []
  const given = new Map<string, string[]>()
  for (const token of tokens) {
    const problem = problemOf(token, options, given)
    if (problem !== undefined) problems.push(problem)
    else if (token.kind === 'option') {
      const { name: option, value = '' } = token
      given.set(option, [...(given.get(option) ?? []), value])
    }
  }
  return {
    problems,
    has: (option) => given.has(option),
    values: (option) => given.get(option) ?? [],
  }
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number]

function problemOf(
  token: Token,
  options: Options,
  given: ReadonlyMap<string, unknown>,
): string | undefined {
  if (token.kind === 'positional') return `unexpected argument ${redact(token.value)}`
  if (token.kind === 'option-terminator') return 'unexpected argument --'
  const { name, rawName, value, inlineValue } = token
  const option = options[name]
  if (option === undefined || !rawName.startsWith('--')) return `unknown option ${rawName}`
  if (option.type === 'boolean') return inlineValue ? `${rawName} takes no value` : undefined
  if (!value || (!inlineValue && value.startsWith('-'))) return `${rawName} needs a value`
  return !option.multiple && given.has(name) ? `${rawName} is given twice` : undefined
}

function toCommand(name: Command['name'], given: Given): Command {
  const json = given.has('json')
  if (name === 'check') return { name, json, management: managementUrl(given) }
  if (name === 'detach') return { name, json, timeoutMs: 1000 * number(given, 'timeout', TIMES) }
  if (name === 'run') return { name }
  return {
    name,
    json,
    dryRun: given.has('dry-run'),
    count: number(given, 'count', COUNTS),
    filter: {
      reasons: given.values('reason'),
      messageIds: given.values('message-id'),
      routingKeys: given.values('routing-key'),
      headers: headers(given),
    },
  }
}

const COUNTS = whole(MOST_REPLAYED, 1, MOST_REPLAYED)
const TIMES = whole(TIMEOUT_S, 1, DAY_S)

/** What was wrong is noted; then the number does not matter. */
function number(given: Given, option: string, schema: ReturnType<typeof whole>): number {
  const name = `--${option}`
  try {
    return readSettings({ [name]: schema }, { [name]: given.values(option)[0] })[name] as number
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    given.problems.push(...error.problems)
    return 0
  }
}

function managementUrl(given: Given): URL | undefined {
  const [value] = given.values('management')
  if (value === undefined) return undefined
  const url = URL.parse(value)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  given.problems.push('--management must be a URL like http://host:15672')
  return undefined
}

function headers(given: Given): (readonly [string, string])[] {
  return given.values('header').flatMap((text) => {
    const at = text.indexOf('=')
    if (at > 0) return [[text.slice(0, at), text.slice(at + 1)] as const]
    given.problems.push('--header must be NAME=VALUE')
    return []
  })
}
