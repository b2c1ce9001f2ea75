import { type QueueState, queueState } from '#lib/amqp/topology.ts'
import { ConfigError } from '#lib/config.ts'
import type { RunOptions } from '#relay/run.ts'
import type { ReplayCommand } from './args.ts'
import { withBrokers } from './brokers.ts'
import type { Parked } from './parked.ts'
import { type PassEnd, replayPass } from './replay-pass.ts'
import { counted, type Report, table } from './report.ts'

/**
 * Puts parked messages back into the staging queue.
 * @throws {ConfigError} the broker refuses the relay, or there is no parking queue in this mode
 * @throws {Error} the broker cannot be reached
 */
export async function replay(options: RunOptions, command: ReplayCommand): Promise<Report> {
  const { settings, signal } = options
  if (settings.mode === 'bind') {
    throw new ConfigError(['RELAY_MODE=bind parks nothing: there is nothing to replay'])
  }
  const { deadLetterQueue: from, stagingQueue: to } = settings
  return withBrokers(options, 'replay', async ({ open }) => {
    const reader = await open('source')
    const writer = await open('source')
    const parked = await queueState(writer, from)
    if (parked === undefined) return refused(from, to, `there is no parking queue ${from}`)
    if ((await queueState(writer, to)) === undefined) {
      return refused(
        from,
        to,
        `there is no staging queue ${to}: the relay declares it at its start`,
      )
    }
    const { messages: total } = parked
    const pass = { from, to, command, reader, writer, total, signal }
    const end = total === 0 ? NOTHING : await replayPass(pass)
    return toReport({ from, to, command, parked, end })
  })
}

const NOTHING: PassEnd = {
  counts: { looked: 0, replayed: 0, expired: 0, unreadable: 0, unselected: 0 },
  selected: [],
  failure: undefined,
}

function refused(from: string, to: string, why: string): Report {
  return {
    exitCode: 3,
    lines: [`replay: ${why}`],
    json: { name: 'replay', from, to, replayed: 0, failure: why },
  }
}

interface Outcome {
  readonly from: string
  readonly to: string
  readonly command: ReplayCommand
  readonly parked: QueueState
  readonly end: PassEnd
}

function toReport({ from, to, command, parked, end }: Outcome): Report {
  const { counts, selected, failure } = end
  const { dryRun } = command
  const listed = selected.map(toListed)
  return {
    exitCode: exitCodeOf(failure),
    lines: [
      ...table(listed.map((one) => [one.parkedAt, one.reason, one.messageId, one.routingKey])),
      `replay: ${summary(end, parked.messages, dryRun)} (${from} > ${to})`,
      ...(failure === undefined ? [] : [failureLine(failure, dryRun)]),
    ],
    json: {
      name: 'replay',
      from,
      to,
      dryRun,
      parked: parked.messages,
      ...counts,
      ...(dryRun ? { messages: listed } : {}),
      ...(failure === undefined ? {} : { failure }),
    },
  }
}

const exitCodeOf = (failure: string | undefined) => {
  if (failure === undefined) return 0
  return failure === 'interrupted' ? 3 : 1
}

const toListed = ({ parkedAt, reason, messageId = '', routingKey, exchange = '' }: Parked) => ({
  parkedAt: parkedAt === undefined ? '' : new Date(parkedAt).toISOString(),
  reason,
  messageId,
  exchange,
  routingKey,
})

function summary({ counts }: PassEnd, parked: number, dryRun: boolean): string {
  const { looked, replayed, expired, unreadable, unselected } = counts
  const rest = [
    [unselected, 'not selected'],
    [expired, 'expired'],
    [unreadable, 'unreadable'],
    [parked - looked, 'not looked at'],
  ] as const
  const stay = rest.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  const verb = dryRun ? 'would replay' : 'replayed'
  return [`${verb} ${replayed} of ${counted(parked, 'parked message')}`, ...stay].join(', ')
}

const failureLine = (failure: string, dryRun: boolean): string =>
  `replay: ended early: ${failure}${dryRun ? '' : '; what was under way may be in both queues now'}`
