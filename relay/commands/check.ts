import type { AmqpConnection } from '#lib/amqp/connection.ts'
import {
  brokerVersion,
  compareExchange,
  compareQueue,
  type ExchangeSpec,
  type Found,
  hasExchange,
  type QueueSpec,
  queueState,
} from '#lib/amqp/topology.ts'
import { ConfigError } from '#lib/config.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import { transientProblem } from '#lib/listener/adopt.ts'
import {
  CANARY,
  deadLetterSpec,
  destinationSpec,
  exchangeSpec,
  stagingSpec,
} from '#lib/listener/specs.ts'
import type { RunOptions } from '#relay/run.ts'
import type { CheckCommand } from './args.ts'
import { type Bindings, checkBindings, describeBinding } from './bindings.ts'
import { withBrokers } from './brokers.ts'
import { counted, type Report, table } from './report.ts'

/**
 * `same` as the settings say; `missing`; `different`; `present`: there, and the settings say nothing
 * about its form; `unknown`: this user may not compare; `left-over` from the mode `relay`.
 */
export type State = 'same' | 'missing' | 'different' | 'present' | 'unknown' | 'left-over'

/** An exchange or a queue that the settings name. */
export interface Checked {
  readonly kind: 'exchange' | 'queue'
  readonly name: string
  readonly state: State
  /** What would be declared, what differs, or what to do. */
  readonly detail: string
}

const NOT_AS_IT_SHOULD_BE: readonly State[] = ['missing', 'different', 'left-over']

/**
 * Compares the broker with the settings, and changes nothing.
 * @throws {ConfigError} a broker refuses the relay, or the settings do not work on it
 * @throws {Error} a broker or the management API cannot be reached
 */
export async function check(options: RunOptions, { management }: CheckCommand): Promise<Report> {
  return withBrokers(options, 'check', async ({ connect, open }) => {
    const { settings } = options
    const source = await open('source')
    const elsewhere = connect.source !== connect.destination
    const destination = elsewhere ? await open('destination') : source
    const problem = transientProblem(settings, brokerVersion(destination))
    if (problem) throw new ConfigError([problem])
    const exchange = await compareExchange(source, exchangeSpec(settings))
    const objects = [
      checkedExchange(exchangeSpec(settings), exchange),
      ...(settings.mode === 'bind'
        ? await leftOver(source, settings)
        : await own(source, settings)),
      await checkDestination(destination, settings),
      checkedExchange(CANARY, await compareExchange(source, CANARY)),
    ]
    return toReport(objects, await checkBindings(options, management, exchange))
  })
}

async function own(source: AmqpConnection, settings: RelaySettings): Promise<Checked[]> {
  const specs = [stagingSpec(settings), deadLetterSpec(settings)]
  return Promise.all(specs.map((spec) => compareQueue(source, spec).then(checkedQueue(spec))))
}

/** With RELAY_MODE=bind nobody reads a staging queue. */
async function leftOver(source: AmqpConnection, settings: RelaySettings): Promise<Checked[]> {
  const names = [settings.stagingQueue, settings.deadLetterQueue]
  const states = await Promise.all(names.map((name) => queueState(source, name)))
  return names.flatMap((name, index) => {
    const state = states[index]
    if (state === undefined) return []
    const detail = `${counted(state.messages, 'message')}; retire it with RELAY_MODE=relay detach`
    return [{ kind: 'queue', name, state: 'left-over', detail } as const]
  })
}

async function checkDestination(
  connection: AmqpConnection,
  settings: RelaySettings,
): Promise<Checked> {
  const { destination, onMissing } = settings
  if (destination.kind === 'exchange') {
    const { exchange: name } = destination
    const isThere = await hasExchange(connection, name)
    return onlyThere('exchange', name, isThere, 'not for the relay to declare')
  }
  const spec = destinationSpec(settings) as QueueSpec
  if (onMissing !== 'hold' && onMissing !== 'park') {
    return checkedQueue(spec)(await compareQueue(connection, spec))
  }
  const isThere = (await queueState(connection, spec.name)) !== undefined
  return onlyThere('queue', spec.name, isThere, `not declared with ON_MISSING=${onMissing}`)
}

const onlyThere = (kind: Checked['kind'], name: string, isThere: boolean, detail: string) => ({
  kind,
  name,
  state: isThere ? ('present' as const) : ('missing' as const),
  detail: isThere ? '' : detail,
})

const checkedExchange = (spec: ExchangeSpec, found: Found | undefined): Checked => {
  const declared = `${spec.type}, ${spec.durable ? 'durable' : 'transient'}`
  return { kind: 'exchange', name: spec.name, ...stateOf(found, declared) }
}

const checkedQueue =
  (spec: QueueSpec) =>
  (found: Found | undefined): Checked => {
    const declared = [
      spec.durable ? 'durable' : 'transient',
      ...(spec.autoDelete ? ['auto-delete'] : []),
      ...Object.entries(spec.arguments).map(([name, value]) => `${name}=${value}`),
    ].join(', ')
    return { kind: 'queue', name: spec.name, ...stateOf(found, declared) }
  }

function stateOf(found: Found | undefined, declared: string): Pick<Checked, 'state' | 'detail'> {
  if (found === undefined) return { state: 'missing', detail: `would be declared: ${declared}` }
  switch (found.how) {
    case 'different':
      return { state: 'different', detail: found.difference }
    case 'unknown':
      return { state: 'unknown', detail: 'this user has no right to compare' }
    default:
      return { state: 'same', detail: declared }
  }
}

function toReport(objects: readonly Checked[], bindings: Bindings): Report {
  const wrong = objects.filter(({ state }) => NOT_AS_IT_SHOULD_BE.includes(state))
  const ofBindings = bindings.checked ? [...bindings.missing, ...bindings.stale] : []
  const asItShouldBe = wrong.length === 0 && ofBindings.length === 0
  const rows = objects.map(({ kind, name, state, detail }) => [state, kind, name, detail])
  return {
    exitCode: asItShouldBe ? 0 : 3,
    lines: [...table([...rows, ...bindingRows(bindings)]), verdict(objects, bindings)],
    json: { name: 'check', asTheSettingsSay: asItShouldBe, objects, bindings },
  }
}

function bindingRows(bindings: Bindings): string[][] {
  if (!bindings.checked) return []
  return (['same', 'missing', 'stale', 'other'] as const).flatMap((state) =>
    bindings[state].map((binding) => [state, 'binding', ...describeBinding(binding)]),
  )
}

function verdict(objects: readonly Checked[], bindings: Bindings): string {
  const of = (state: State) => objects.filter((object) => object.state === state).length
  const found = bindings.checked ? bindings : { missing: [], stale: [] }
  const parts = [
    [of('missing') + found.missing.length, 'missing'],
    [of('different'), 'different'],
    [of('left-over'), 'left over'],
    [found.stale.length, 'stale'],
  ] as const
  const wrong = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  const about = bindings.checked ? '' : `; bindings not checked: ${bindings.why}`
  return `check: ${wrong.length === 0 ? 'all as the settings say' : wrong.join(', ')}${about}`
}
