import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from '../../support/broker.ts'
import type { Fault } from '../fault.ts'
import type { Subject } from '../world.ts'

const KINDS = ['front', 'relay', 'edge'] as const

/** Processes that are killed, stand still, or are replaced one after the other. */
export function processFaults({ members }: Subject): Fault[] {
  const there = KINDS.filter((kind) => members[kind].length > 0)
  return [
    ...there.flatMap((kind): Fault[] => [
      {
        name: `${kind} killed`,
        happen: ({ subject }, { pick }) => pick(subject.members[kind]).kill(),
      },
      {
        name: `${kind} stopped`,
        happen: ({ subject }, { pick, seconds }) => pick(subject.members[kind]).freeze(seconds),
      },
    ]),
    {
      name: 'rolling restart',
      happen: async ({ subject }) => {
        const { front, relay, edge } = subject.members
        const shown: string[] = []
        for (const member of [...front, ...relay, ...edge]) shown.push(await member.replace())
        return shown.join(', ')
      },
    },
    ...BROKER,
  ]
}

const BROKER: readonly Fault[] = [
  {
    name: 'broker killed',
    happen: async ({ nodes }, { pick }) => {
      const broker = pick(nodes.all)
      const pid = broker.pid()
      await broker.kill()
      await startAgain(broker)
      return `pid ${pid} killed, pid ${broker.pid()} started`
    },
  },
  {
    name: 'broker stopped',
    happen: async ({ nodes }, { pick, seconds }) => {
      const broker = pick(nodes.all)
      broker.pause()
      await sleep(seconds * 1000)
      broker.resume()
      return `pid ${broker.pid()} stood still`
    },
  },
]

/** Meanwhile somebody's outgoing connection may have been given the port. */
export const startAgain = (broker: Broker) =>
  broker.start().catch(() => sleep(1000).then(broker.start))
