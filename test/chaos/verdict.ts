import type { Report, Row } from '../support/report.ts'
import type { Options } from './options.ts'
import type { Outcome } from './run.ts'

/** Promise 6: an answer within 8 s of the last body byte. */
const LONGEST_WAIT_S = 8

/** The shared form of the evidence programs; a target that is not met is a lie or a loss. */
export function reportOf(options: Options, outcome: Outcome, notes: readonly string[]): Report {
  const { account, longestWaitS, seconds, faults, stuck } = outcome
  const setting = `${options.topology}, ${options.front}, ${options.faults} faults, seed ${options.seed}`
  const row = (metric: string, unit: string, value: number): Row => {
    return {
      subject: options.subject,
      setting,
      metric,
      unit,
      median: value,
      min: value,
      max: value,
    }
  }
  const none = (what: string, got: number) => ({ what, goal: 0, got, met: got === 0 })
  const most = (what: string, goal: number, got: number) => ({ what, goal, got, met: got <= goal })
  return {
    name: 'chaos',
    rows: [
      ...Object.entries(account).map(([name, value]) => row(words(name), 'ids', value)),
      row('longest wait', 's', longestWaitS),
      row('duration', 's', seconds),
    ],
    ratios: [],
    targets: [
      none('lost', account.lost),
      none('refused but delivered', account.refusedDelivered),
      none('unexpected', account.unexpected),
      most('longest wait, s', LONGEST_WAIT_S, longestWaitS),
      none('faults that did not pass by themselves', stuck === undefined ? 0 : 1),
    ],
    notes: [...(options.json ? faults : []), ...(stuck === undefined ? [] : [stuck]), ...notes],
  }
}

/** `refusedDelivered` as it is said. */
const words = (name: string) => (name === 'refusedDelivered' ? 'refused but delivered' : name)

/** The last line. */
export function verdictOf({ seed, subject, topology, front }: Options, outcome: Outcome): string {
  const { attempted, acknowledged, delivered, ...account } = outcome.account
  const who = subject === 'warren' ? `${topology}, ${front}` : `${topology}, ${subject}`
  return [
    `chaos: seed ${seed}, ${who}, ${attempted} attempted, ${acknowledged} acknowledged`,
    `${delivered} delivered, lost ${account.lost}, duplicated ${account.duplicated}`,
    `unexpected ${account.unexpected}, refused ${account.refused}`,
    `refused but delivered ${account.refusedDelivered}, unknown ${account.unknown}`,
    `recovered ${account.recovered}, longest wait ${outcome.longestWaitS.toFixed(1)} s`,
    ...(outcome.stuck === undefined ? [] : ['did not recover']),
  ].join(', ')
}
