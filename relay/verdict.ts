import type { ChannelEnd } from '#lib/amqp/channel-end.ts'

/**
 * What the end of the publishing channel says about the messages unconfirmed on it.
 * `lost`: nothing. `missing`: the destination is not there. `forbidden`: the relay's user may not write
 * to it. `provoked`: one of the messages made the broker do it.
 */
export type Verdict = 'lost' | 'missing' | 'forbidden' | 'provoked'

/** Reply codes of AMQP 0-9-1. */
const ACCESS_REFUSED = 403
const NOT_FOUND = 404
/** REPLY_SUCCESS and CONNECTION_FORCED: an orderly end, or the operator's. */
const SAYS_NOTHING: readonly (number | undefined)[] = [undefined, 200, 320]

/** Judges the end of a publishing channel, or of its connection. */
export function verdictOf({ code }: ChannelEnd): Verdict {
  if (SAYS_NOTHING.includes(code)) return 'lost'
  if (code === NOT_FOUND) return 'missing'
  return code === ACCESS_REFUSED ? 'forbidden' : 'provoked'
}

/**
 * After how many ends, being the only one unconfirmed, a message is the culprit. A channel is closed in
 * answer to what is on it; a connection may end for reasons that have nothing to do with it.
 */
export const proofsNeeded = ({ connectionLost }: ChannelEnd): number => (connectionLost ? 3 : 1)
