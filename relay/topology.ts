import type { AmqpConnection } from '#lib/amqp/connection.ts'
import {
  type BindingSpec,
  bind,
  declareExchange,
  declareQueue,
  hasExchange,
  type QueueSpec,
  type QueueState,
  queueState,
} from '#lib/amqp/topology.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import { deadLetterSpec, exchangeSpec, stagingSpec } from '#lib/listener/specs.ts'

/** What the regular look at the source has found. */
export interface SourceState {
  readonly staging: QueueState
  readonly dead: QueueState
  /** Names of what was missing and has been declared again. */
  readonly restored: readonly string[]
}

/**
 * Declares again what has gone missing, binds again (which changes nothing when the binding is there),
 * and gives the depths.
 * @throws {Error} with the broker's reply code, when it refuses
 */
export async function restoreSource(
  connection: AmqpConnection,
  settings: RelaySettings,
  binding: BindingSpec | undefined,
): Promise<SourceState> {
  const restored: string[] = []
  if (binding && !(await hasExchange(connection, settings.exchange))) {
    await declareExchange(connection, exchangeSpec(settings))
    restored.push(settings.exchange)
  }
  const state = async (spec: QueueSpec): Promise<QueueState> => {
    const found = await queueState(connection, spec.name)
    if (found !== undefined) return found
    await declareQueue(connection, spec)
    restored.push(spec.name)
    return { messages: 0, consumers: 0 }
  }
  const dead = await state(deadLetterSpec(settings))
  const staging = await state(stagingSpec(settings))
  if (binding) await bind(connection, binding)
  return { staging, dead, restored }
}
