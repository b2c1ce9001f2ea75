import { createHash } from 'node:crypto'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { withConnection } from '#lib/amqp/inspect.ts'
import { type BindingSpec, compareExchange, unbind } from '#lib/amqp/topology.ts'
import { type RelaySettings, readRelay } from '#lib/config-relay.ts'
import { type Deadline, remainingMs } from '#lib/deadline.ts'
import { defined } from '#lib/defined.ts'
import { adoptBound, adoptCopied } from '#lib/listener/adopt.ts'
import { bindingSpec, exchangeSpec } from '#lib/listener/specs.ts'
import { createManagement, type Management, vhostOf } from '#lib/management/client.ts'
import { isLoginUrl, managementUrlOf } from '#lib/management/login.ts'
import { within } from '#lib/within.ts'
import type { CustomResource } from './custom-resource.ts'
import {
  formerListener,
  type ListenerProperties,
  NO_MANAGEMENT,
  parseListener,
} from './properties.ts'
import { type Kept, type LeftBehind, retire } from './retire.ts'
import type { TopologyDeps } from './topology.ts'
import { ensureUser, removeUser } from './users.ts'

export interface ListenerDeps extends TopologyDeps {
  readonly onLeftBehind: (left: LeftBehind) => void
}

/** Custom::WarrenListener: see ListenerProperties. */
export function listenerResource(deps: ListenerDeps, given: unknown): CustomResource {
  const properties = parseListener(given)
  const settings = readRelay(properties.Settings)
  return {
    id: bindingId(settings),
    put: (old) => make(deps, properties, settings, old),
    remove: async (stack, deadline) => {
      const leave = (kept: Kept) => deps.onLeftBehind({ ...kept, stack, listener: properties.Name })
      try {
        const unmaking = unmake(deps, properties, settings, deadline)
        for (const kept of await within(unmaking, remainingMs(deadline) - TELL_MS, late))
          leave(kept)
      } catch (error) {
        leave({ queue: queueOf(settings), why: 'it could not be looked at' })
        throw error
      }
    },
  }
}

/** Left for telling that the time was not enough. */
const TELL_MS = 500
const late = () => new Error('the broker did not answer in time')

async function make(
  deps: ListenerDeps,
  properties: ListenerProperties,
  settings: RelaySettings,
  old: unknown,
): Promise<void> {
  const { url, management } = await accessOf(deps, properties)
  await connected(deps, url, async (connection) => {
    await declare(connection, settings)
    await unbindFormer(connection, settings, formerListener(old))
  })
  if (properties.User === undefined) return
  if (management === undefined) throw new Error('a User needs a management API')
  const place = { management, secrets: deps.secrets, endpoint: url, vhost: vhostOf(url) }
  await ensureUser(place, properties.User)
}

/** Gives what had to be kept. */
async function unmake(
  deps: ListenerDeps,
  properties: ListenerProperties,
  settings: RelaySettings,
  deadline: Deadline,
): Promise<readonly Kept[]> {
  const { url, management } = await accessOf(deps, properties)
  const { isOver, left } = await connected(deps, url, (connection) =>
    retire({ connection, management, settings, deadline }),
  )
  const { User } = properties
  if (isOver && User && management) await removeUser({ management, vhost: vhostOf(url) }, User)
  return left
}

/** What the exchange is bound to. */
const queueOf = ({ mode, destination, stagingQueue }: RelaySettings): string => {
  if (mode === 'relay') return stagingQueue
  return destination.kind === 'queue' ? destination.queue : destination.exchange
}

/** A listener is its binding: what else changes about it needs nothing to be taken away. */
function bindingId(settings: RelaySettings): string {
  const { mode, exchange, bindingKey, bindingArguments, exchangeType } = settings
  const binding = [mode, exchange, queueOf(settings), bindingKey, bindingArguments, exchangeType]
  const hash = createHash('sha256').update(JSON.stringify(binding)).digest('hex').slice(0, 16)
  return `${exchange} > ${queueOf(settings)} ${hash}`
}

interface Access {
  /** An AMQP URL. */
  readonly url: string
  readonly management: Management | undefined
}

async function accessOf(
  { secrets, caFile, managementUrl }: ListenerDeps,
  { AdminSecretArn, ManagementUrl = managementUrl }: ListenerProperties,
): Promise<Access> {
  const url = await secrets.read(AdminSecretArn)
  if (!isLoginUrl(url)) throw new Error(`put the broker's AMQP URL into ${AdminSecretArn} first`)
  if (ManagementUrl === NO_MANAGEMENT) return { url, management: undefined }
  const api = managementUrlOf(url, ManagementUrl)
  return { url, management: createManagement(defined({ url: api, amqpUrl: url, caFile })) }
}

const connected = <T>(
  { caFile }: ListenerDeps,
  url: string,
  use: (connection: AmqpConnection) => Promise<T>,
): Promise<T> => withConnection(defined({ url, caFile, connectionName: 'warren topology' }), use)

/** @throws {Error} with TOPOLOGY=strict, when something is there in another form */
async function declare(connection: AmqpConnection, settings: RelaySettings): Promise<void> {
  const found =
    settings.mode === 'bind'
      ? [await adoptBound(connection, settings)]
      : Object.values(await adoptCopied({ source: connection, destination: connection }, settings))
  const texts = found
    .flatMap(({ mismatches }) => mismatches)
    .map(({ kind, name, difference }) => `${kind} ${name}: ${difference}`)
  if (settings.topology === 'strict' && texts.length > 0) throw new Error(texts.join('; '))
}

/**
 * A direct binding of before goes as soon as the new one is there, or messages would come twice until
 * the end of the deployment. A relay's has to wait: the relay that still runs would make it again.
 */
async function unbindFormer(
  connection: AmqpConnection,
  settings: RelaySettings,
  old: ListenerProperties | undefined,
): Promise<void> {
  if (old === undefined) return
  const former = readRelay(old.Settings)
  if (former.mode !== 'bind' || bindingId(former) === bindingId(settings)) return
  const binding = await directBinding(connection, former)
  if (binding) await unbind(connection, binding)
}

async function directBinding(
  connection: AmqpConnection,
  settings: RelaySettings,
): Promise<BindingSpec | undefined> {
  const exchange = await compareExchange(connection, exchangeSpec(settings))
  const { kind } = settings.destination
  return exchange && bindingSpec(settings, exchange, { kind, name: queueOf(settings) })
}
