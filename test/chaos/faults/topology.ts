import type { ConfirmChannel } from 'amqplib'
import { until } from '../../support/until.ts'
import { PROBE } from '../consumers.ts'
import { type Fault, NothingHappened, NotRepaired } from '../fault.ts'
import { type Lane, saveAllQueues, type World } from '../world.ts'
import { onChannel } from './channel.ts'

/** Ten times as long as the relays of a run take to look (TOPOLOGY_CHECK_MS). */
const REPAIRED_WITHIN_MS = 30_000
const CALM_WITHIN_MS = 60_000

/**
 * What is deleted, and how a look at the broker shows that it is gone. Deleting a queue destroys what
 * is in it, acknowledged or not, and no gateway or relay can help that; so it happens at an instant
 * when nothing that was acknowledged is anywhere but in the ledger. The callers go on before anybody
 * has noticed.
 */
interface Deletion {
  readonly what: (lane: Lane) => string
  readonly destroys: boolean
  readonly remove: (channel: ConfirmChannel, lane: Lane) => Promise<unknown>
  readonly isThere: (channel: ConfirmChannel, lane: Lane) => Promise<boolean>
}

const found = (look: Promise<unknown>) =>
  look.then(
    () => true,
    () => false,
  )

/** Whether the exchange brings a message anywhere; what does not, comes back. */
async function routes(channel: ConfirmChannel, exchange: string): Promise<boolean> {
  const returned = new Promise<boolean>((resolve) => channel.once('return', () => resolve(false)))
  const options = { type: PROBE, mandatory: true, persistent: true }
  channel.publish(exchange, '', Buffer.alloc(0), options)
  const confirmed = channel.waitForConfirms().then(() => true)
  return Promise.race([returned, confirmed])
}

const DELETIONS: Readonly<Record<string, Deletion>> = {
  'binding deleted': {
    what: ({ exchange, entry }) => `binding from ${exchange} to ${entry}`,
    destroys: false,
    remove: (channel, { exchange, entry }) => channel.unbindQueue(entry, exchange, ''),
    isThere: (channel, { exchange }) => routes(channel, exchange),
  },
  'exchange deleted': {
    what: ({ exchange }) => `exchange ${exchange}`,
    destroys: false,
    remove: (channel, { exchange }) => channel.deleteExchange(exchange),
    isThere: (channel, { exchange }) => found(channel.checkExchange(exchange)),
  },
  'staging queue deleted': {
    what: ({ entry }) => `queue ${entry}`,
    destroys: true,
    remove: (channel, { entry }) => channel.deleteQueue(entry),
    isThere: (channel, { entry }) => found(channel.checkQueue(entry)),
  },
  'destination queue deleted': {
    what: ({ queue }) => `queue ${queue}`,
    destroys: true,
    remove: (channel, { queue }) => channel.deleteQueue(queue),
    isThere: (channel, { queue }) => found(channel.checkQueue(queue)),
  },
}

/** Deletions, each of which the relay must repair. */
export const TOPOLOGY_FAULTS: readonly Fault[] = Object.entries(DELETIONS).map(
  ([name, deletion]) => ({
    name,
    happen: async (world, { pick }) => {
      const lane = pick(world.subject.lanes)
      const what = deletion.what(lane)
      const isThere = () =>
        onChannel(world.url, (channel) => deletion.isThere(channel, lane)).catch(() => false)
      if (!(await isThere())) throw new NothingHappened(`there was no ${what}`)
      await (deletion.destroys ? whenNothingIsOwed : atOnce)(world, () =>
        onChannel(world.url, async (channel) => {
          await deletion.remove(channel, lane)
          if (await deletion.isThere(channel, lane)) {
            throw new NothingHappened(`the ${what} was still there`)
          }
        }),
      )
      const goneMs = performance.now()
      await until('repaired', isThere, REPAIRED_WITHIN_MS).catch(() => {
        throw new NotRepaired(`no ${what} for ${REPAIRED_WITHIN_MS / 1000} s`)
      })
      await saveAllQueues(world.nodes)
      return `${what} gone for ${((performance.now() - goneMs) / 1000).toFixed(1)} s`
    },
  }),
)

const atOnce = (_: World, act: () => Promise<void>) => act()

/** Holds the callers until all that was acknowledged has arrived, and then acts. */
async function whenNothingIsOwed({ pace, ledger }: World, act: () => Promise<void>): Promise<void> {
  pace.hold()
  try {
    const isCalm = () => ledger.underWay === 0 && ledger.owed() === 0
    await until('all that was acknowledged', isCalm, CALM_WITHIN_MS)
    await act()
  } finally {
    pace.resume()
  }
}
