import type { AmqpConnection } from '#lib/amqp/connection.ts'
import {
  type BindingSpec,
  compareExchange,
  deleteQueue,
  queueState,
  unbind,
} from '#lib/amqp/topology.ts'
import { deadlineIn, remainingMs } from '#lib/deadline.ts'
import { bindingSpec, exchangeSpec } from '#lib/listener/specs.ts'
import { type RunOptions, targetOf } from '#relay/run.ts'
import type { DetachCommand } from './args.ts'
import { describeBinding } from './bindings.ts'
import { type Brokers, withBrokers } from './brokers.ts'
import { drain } from './drain.ts'
import { counted, type Report } from './report.ts'

/** What has been done so far, told at the end whatever the end is. */
interface Retirement {
  readonly options: RunOptions
  readonly control: AmqpConnection
  readonly lines: string[]
  readonly done: {
    unbound: boolean
    forwarded: number
    parked: number
    staging: 'kept' | 'deleted' | 'absent'
    parking: 'kept' | 'deleted' | 'absent'
  }
}

/**
 * Retires a listener: see the help.
 * @throws {ConfigError} a broker refuses the relay
 * @throws {Error} a broker cannot be reached
 */
export async function detach(options: RunOptions, command: DetachCommand): Promise<Report> {
  return withBrokers(options, 'detach', async (brokers) => {
    const retirement: Retirement = {
      options,
      control: await brokers.open('source'),
      lines: [],
      done: { unbound: false, forwarded: 0, parked: 0, staging: 'kept', parking: 'kept' },
    }
    if (options.settings.mode === 'relay') return retire(retirement, brokers, command)
    const { destination } = options.settings
    await removeBinding(retirement, { kind: destination.kind, name: targetOf(options.settings) })
    return finish(retirement, 0)
  })
}

async function retire(
  retirement: Retirement,
  brokers: Brokers,
  { timeoutMs }: DetachCommand,
): Promise<Report> {
  const { options, control } = retirement
  const { stagingQueue } = options.settings
  const before = await queueState(control, stagingQueue)
  if (before !== undefined && before.consumers > 0) {
    return finish(
      retirement,
      3,
      `${stagingQueue} has ${counted(before.consumers, 'consumer')}: stop the relay first`,
    )
  }
  await removeBinding(retirement, { kind: 'queue', name: stagingQueue })
  const obstacle = await emptyStaging(retirement, brokers, timeoutMs)
  if (obstacle !== undefined) return finish(retirement, 3, obstacle)
  const lost = await deleteStaging(retirement)
  await deleteParking(retirement)
  if (lost === 0) return finish(retirement, 0)
  const what = counted(lost, 'message')
  return finish(retirement, 1, `${what} came in at the very end and went with ${stagingQueue}`)
}

/** A topic exchange's default key depends on its type, so the exchange is looked at. */
async function removeBinding(
  { options, control, lines, done }: Retirement,
  destination: BindingSpec['destination'],
): Promise<void> {
  const { settings } = options
  const exchange = await compareExchange(control, exchangeSpec(settings))
  if (exchange === undefined) return
  const binding = bindingSpec(settings, exchange, destination)
  await unbind(control, binding)
  done.unbound = true
  lines.push(`removed the binding ${describeBinding(binding).join(', ')}`)
}

/** Forwards until nothing is left, and says why if something is. */
async function emptyStaging(
  { options, control, done, lines }: Retirement,
  brokers: Brokers,
  timeoutMs: number,
): Promise<string | undefined> {
  const { settings, signal } = options
  const { stagingQueue: queue } = settings
  const deadline = deadlineIn(timeoutMs)
  for (;;) {
    const state = await queueState(control, queue)
    if (state === undefined) return undefined
    if (state.consumers > 0) return `a relay consumes ${queue} again: stop it first`
    if (state.messages === 0) return undefined
    if (signal.aborted || remainingMs(deadline) <= 0) {
      const left = `${counted(state.messages, 'message')} left in ${queue}`
      return `${left}: ${signal.aborted ? 'interrupted' : 'not forwarded in time'}`
    }
    const { forwarded, parked } = await drain({ run: options, brokers, control, deadline })
    done.forwarded += forwarded
    done.parked += parked
    lines.push(`forwarded ${counted(forwarded, 'message')} to ${targetOf(settings)}`)
    if (parked > 0) lines.push(`parked ${counted(parked, 'message')}`)
  }
}

/** Gives how many messages went with it. */
async function deleteStaging({ options, control, done, lines }: Retirement): Promise<number> {
  const { stagingQueue } = options.settings
  if ((await queueState(control, stagingQueue)) === undefined) {
    done.staging = 'absent'
    lines.push(`there is no ${stagingQueue}`)
    return 0
  }
  const lost = await deleteQueue(control, stagingQueue)
  done.staging = 'deleted'
  lines.push(`deleted ${stagingQueue}`)
  return lost
}

async function deleteParking({ options, control, done, lines }: Retirement): Promise<void> {
  const { deadLetterQueue: queue } = options.settings
  const state = await queueState(control, queue)
  if (state === undefined) {
    done.parking = 'absent'
  } else if (state.messages > 0 || state.consumers > 0) {
    lines.push(`kept ${queue}: it holds ${counted(state.messages, 'parked message')}`)
  } else {
    await deleteQueue(control, queue)
    done.parking = 'deleted'
    lines.push(`deleted ${queue}, which was empty`)
  }
}

function finish(
  { options, lines, done }: Retirement,
  exitCode: Report['exitCode'],
  obstacle?: string,
): Report {
  const { mode, exchange, stagingQueue, deadLetterQueue } = options.settings
  const verdict = exitCode === 0 ? 'retired' : `not done: ${obstacle}`
  const queues =
    mode === 'relay'
      ? { ...done, stagingQueue, parkingQueue: deadLetterQueue }
      : { unbound: done.unbound }
  return {
    exitCode,
    lines: [...lines, `detach: ${verdict}`],
    json: {
      name: 'detach',
      mode,
      exchange,
      destination: targetOf(options.settings),
      ...queues,
      retired: exitCode === 0,
      ...(obstacle === undefined ? {} : { obstacle }),
    },
  }
}
