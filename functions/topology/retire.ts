import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import {
  type BindingSpec,
  compareExchange,
  deleteQueue,
  queueState,
  unbind,
} from '#lib/amqp/topology.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import { type Deadline, deadlineIn, remainingMs } from '#lib/deadline.ts'
import { bindingSpec, exchangeSpec } from '#lib/listener/specs.ts'
import type { Management } from '#lib/management/client.ts'

export interface Retirement {
  readonly connection: AmqpConnection
  /** Absent: nobody can say which other bindings there are. */
  readonly management: Management | undefined
  readonly settings: RelaySettings
  readonly deadline: Deadline
}

/** A queue that is not deleted, since that would lose something. */
export interface Kept {
  readonly queue: string
  readonly why: string
}

/** Kept, and whose it was. */
export interface LeftBehind extends Kept {
  readonly stack: string
  readonly listener: string
}

export interface Retired {
  /** False: something else lives on these queues. */
  readonly isOver: boolean
  readonly left: readonly Kept[]
}

/** Tasks that were told to stop may take this long to be gone. */
const CONSUMERS_MS = 20_000
/** For all that comes after them. */
const REST_MS = 5000
const LOOK_MS = 250
/** So many looks in a row must find nothing: what a consumer had in hand comes back after its end. */
const EMPTY_LOOKS = 4

/** Takes the binding away, deletes what is empty, and keeps the rest. Nothing is lost. */
export async function retire(retirement: Retirement): Promise<Retired> {
  const { connection, settings } = retirement
  if (settings.mode === 'bind') {
    const { destination } = settings
    const name = destination.kind === 'queue' ? destination.queue : destination.exchange
    await unbindOwn(connection, await ownBinding(retirement, { kind: destination.kind, name }))
    return { isOver: true, left: [] }
  }
  return retireRelay(retirement)
}

async function retireRelay(retirement: Retirement): Promise<Retired> {
  const { connection, settings, management } = retirement
  const { stagingQueue: queue } = settings
  const binding = await ownBinding(retirement, { kind: 'queue', name: queue })
  const all = (await management?.bindingsTo({ kind: 'queue', name: queue })) ?? []
  if (all.some((other) => !isDeepStrictEqual(other, binding))) {
    await unbindOwn(connection, binding)
    return { isOver: false, left: [] } // Another binding has taken the queue over.
  }
  if (!(await untilAlone(retirement))) {
    return { isOver: false, left: [{ queue, why: 'it has a consumer' }] }
  }
  await unbindOwn(connection, binding)
  const kept = [
    await deleteIfEmpty(connection, queue),
    await deleteIfEmpty(connection, settings.deadLetterQueue),
  ]
  return { isOver: true, left: kept.filter((one) => one !== undefined) }
}

/** The binding's key may depend on the type of the exchange; undefined: there is no exchange. */
async function ownBinding(
  { connection, settings }: Retirement,
  destination: BindingSpec['destination'],
): Promise<BindingSpec | undefined> {
  const exchange = await compareExchange(connection, exchangeSpec(settings))
  return exchange && bindingSpec(settings, exchange, destination)
}

async function unbindOwn(connection: AmqpConnection, binding?: BindingSpec): Promise<void> {
  if (binding) await unbind(connection, binding)
}

/** Whether the staging queue has no consumer (any more). */
async function untilAlone({ connection, settings, deadline }: Retirement): Promise<boolean> {
  const patience = deadlineIn(Math.min(CONSUMERS_MS, remainingMs(deadline) - REST_MS))
  for (;;) {
    const state = await queueState(connection, settings.stagingQueue)
    if (state === undefined || state.consumers === 0) return true
    if (remainingMs(patience) <= 0) return false
    await sleep(LOOK_MS)
  }
}

async function deleteIfEmpty(connection: AmqpConnection, queue: string): Promise<Kept | undefined> {
  for (let looks = 0; looks < EMPTY_LOOKS; looks += 1) {
    const state = await queueState(connection, queue)
    if (state === undefined) return undefined
    if (state.messages > 0) return { queue, why: `it holds ${state.messages} messages` }
    if (state.consumers > 0) return { queue, why: 'it has a consumer' }
    await sleep(LOOK_MS)
  }
  await deleteQueue(connection, queue)
  return undefined
}
