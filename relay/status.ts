import type { QueueState } from '#lib/amqp/topology.ts'
import type { ForwarderState, Trouble } from './forwarding.ts'

/** What a relay knows of itself. Times are on the clock of performance.now(). */
export interface RelayStatus {
  readonly sourceOpen: boolean
  readonly destinationOpen: boolean
  /** The destination's broker takes no messages. */
  readonly blocked: boolean
  /** What the last look at exchange, queues and binding had to complain about. */
  readonly topologyProblem: string | undefined
  /** Consumes nothing, because of this trouble. */
  readonly paused: Trouble | 'no-progress' | undefined
  /** The broker has accepted the consumer. */
  readonly consuming: boolean
  readonly work: ForwarderState | undefined
  readonly lastDeliveryMs: number
  readonly staging: QueueState | undefined
  readonly dead: QueueState | undefined
  readonly mismatches: number
}

/** Deliveries in hand and none safe for so long, or messages waiting and none delivered: stuck. */
const STUCK_MS = 30_000

/** Why the relay is not ready, in words for a person; empty: it is ready. A standby is ready, too. */
export function unreadiness(status: RelayStatus, nowMs: number): string[] {
  const { work, staging } = status
  const reasons: string[] = []
  if (!status.sourceOpen) reasons.push('no connection to the source')
  if (!status.destinationOpen) reasons.push('no connection to the destination')
  if (status.blocked) reasons.push("the destination's broker is under alarm")
  if (status.topologyProblem) reasons.push(status.topologyProblem)
  if (status.paused) reasons.push(`the destination takes no messages (${status.paused})`)
  else if (!status.consuming) reasons.push('not consuming yet')
  const inHand = work && work.inHand - work.aside
  if (inHand && nowMs - work.progressMs >= STUCK_MS) {
    reasons.push('deliveries in hand, and none became safe for 30 s')
  }
  const starved = inHand === 0 && nowMs - status.lastDeliveryMs >= STUCK_MS
  if (starved && staging && staging.messages > 0 && staging.consumers === 1) {
    reasons.push('messages wait in the staging queue, and none was delivered for 30 s')
  }
  return reasons
}
