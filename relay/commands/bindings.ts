import { isDeepStrictEqual } from 'node:util'
import type { BindingSpec, Found } from '#lib/amqp/topology.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import { defined } from '#lib/defined.ts'
import { bindingSpec } from '#lib/listener/specs.ts'
import { createManagement } from '#lib/management/client.ts'
import { brokerUrlFrom, secretReader } from '#lib/secrets.ts'
import { type RunOptions, SECRET_MS, targetOf } from '#relay/run.ts'

/** What brings messages to the queues that the settings name. */
export type Bindings =
  | { readonly checked: false; readonly why: string }
  | {
      readonly checked: true
      /** As the settings say. */
      readonly same: readonly BindingSpec[]
      /** It would be made. */
      readonly missing: readonly BindingSpec[]
      /** Of earlier settings: what they bring was not asked for, or comes twice. */
      readonly stale: readonly BindingSpec[]
      /** From other exchanges to the destination: nothing of ours, and fine. */
      readonly other: readonly BindingSpec[]
    }

type Sorted = Extract<Bindings, { readonly checked: true }>

const NO_API = 'AMQP cannot list them, see --management'

/**
 * @param exchange how it was found; undefined: there is none
 * @throws {Error} the management API cannot be reached, or refuses
 */
export async function checkBindings(
  options: RunOptions,
  url: URL | undefined,
  exchange: Found | undefined,
): Promise<Bindings> {
  if (url === undefined) return { checked: false, why: NO_API }
  const { settings, broker } = options
  const amqpUrl = await brokerUrl(options)
  const management = createManagement(defined({ url, amqpUrl, caFile: broker.caFile }))
  const destination = { kind: settings.destination.kind, name: targetOf(settings) }
  const staging = { kind: 'queue', name: settings.stagingQueue } as const
  const expected = bindingSpec(
    settings,
    exchange ?? { how: 'declared' },
    settings.mode === 'bind' ? destination : staging,
  )
  const found = await Promise.all([
    management.bindingsTo(staging),
    // One on another broker is not known to this API.
    settings.destUrl === undefined ? management.bindingsTo(destination) : [],
  ])
  return sortBindings(settings, expected, found.flat())
}

async function brokerUrl({ broker, log }: RunOptions): Promise<string> {
  const { url, secretArn } = broker
  return secretArn === undefined
    ? (url as string)
    : brokerUrlFrom(secretReader(secretArn), log, SECRET_MS)(false)
}

/** @param found all bindings of the staging queue and of the destination */
function sortBindings(
  settings: RelaySettings,
  expected: BindingSpec,
  found: readonly BindingSpec[],
): Sorted {
  const same = found.filter((binding) => isDeepStrictEqual(binding, expected))
  const others = found.filter((binding) => !same.includes(binding))
  const isOurs = ({ source, destination }: BindingSpec) =>
    source === settings.exchange ||
    (destination.kind === 'queue' && destination.name === settings.stagingQueue)
  return {
    checked: true,
    same,
    missing: same.length === 0 ? [expected] : [],
    stale: others.filter(isOurs),
    other: others.filter((binding) => !isOurs(binding)),
  }
}

/** From where to where, and with what. */
export function describeBinding({ source, destination, key, ...more }: BindingSpec): string[] {
  const filter = Object.keys(more.arguments).length === 0 ? [] : [JSON.stringify(more.arguments)]
  return [`${source} > ${destination.name}`, [`key "${key}"`, ...filter].join(', ')]
}
