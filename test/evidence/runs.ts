import type { Report } from '../support/report.ts'

/** A program whose output the page of evidence shows. */
export interface Program {
  readonly title: string
  /** What the README claims on its ground. */
  readonly claim: string
  /** What it measures or tries, in a sentence or two. */
  readonly about: string
  /** npm script and options, as a reader would type them. */
  readonly command: readonly string[]
  /** The metrics that have a chart. */
  readonly charts: readonly string[]
}

/** In the order of the page; the name is that of the file in docs/evidence. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  publish: {
    title: 'Publishing',
    claim:
      'It is about as fast as a bare HTTP server that checks nothing, and far faster than its predecessor and RabbitMQ’s management API.',
    about:
      'Messages of 1 KB to a quorum queue over HTTP, with 1, 16 and 64 callers: the gateway, next to ' +
      'the predecessor, the management API of RabbitMQ, a bare fastify server without any check, and ' +
      'a server that does nothing.',
    command: ['bench', '--', 'publish'],
    charts: ['rate', 'p99'],
  },
  relay: {
    title: 'Relaying',
    claim: 'A relay that loses nothing keeps up with RabbitMQ’s own shovel.',
    about:
      '200,000 waiting messages of 1 KB, moved into a classic and into a quorum queue: the relay, next ' +
      'to the predecessor’s, RabbitMQ’s own shovel, and a plain binding.',
    command: ['bench', '--', 'relay'],
    charts: ['rate', 'all CPU'],
  },
  coldstart: {
    title: 'Cold start',
    claim: 'A Lambda function that starts anew is hardly later than an empty one.',
    about:
      'The packaged publish function in a new process: loading it, and the first message, 2 ms away ' +
      'from its broker, next to a function that does nothing.',
    command: ['bench', '--', 'coldstart'],
    charts: [],
  },
  growth: {
    title: 'Growth',
    claim:
      'What it costs grows in proportion to callers, bodies, listeners and environments, and no faster.',
    about:
      'What callers, larger bodies, listeners of one exchange (each with a relay, or with a binding) and ' +
      'execution environments of Lambda cost as their number grows. What it means for an installation: ' +
      '[Scale](scale.md).',
    command: ['bench', '--', 'growth'],
    charts: [],
  },
  chaos: {
    title: 'A ledger under faults',
    claim:
      'No answer lies, and no message that was acknowledged is lost, whatever is killed, stopped or cut off.',
    about:
      'Every message has an id, and every id a place in a ledger, while processes are killed and ' +
      'stopped, connections cut, queues deleted and alarms raised at random.',
    command: ['chaos', '--', '--ids', '100000', '--faults', '20', '--seed', '7'],
    charts: [],
  },
  'chaos-cluster': {
    title: 'The same with a cluster of three',
    claim: 'The same where a cluster of three loses its leaders and its network.',
    about: 'A cluster of three RabbitMQ nodes, whose leaders are killed and whose network is cut.',
    command: [
      ...['chaos', '--', '--ids', '1000000', '--faults', '100', '--seed', '7'],
      ...['--topology', 'cluster3'],
    ],
    charts: [],
  },
  clients: {
    title: 'Clients of twenty years',
    claim: 'Clients of the last twenty years get their very bytes into the queue.',
    about: 'What each client sent, compared byte for byte with what was in the queue.',
    command: ['clients'],
    charts: [],
  },
}

/** What a program printed, and where, when and with what. */
export interface Run {
  readonly report: Report
  /** The last line. */
  readonly verdict: string
  readonly command: string
  /** RFC 3339, in UTC. */
  readonly at: string
  readonly minutes: number
  /** What the figures depend on, by name: processor, versions. */
  readonly machine: Readonly<Record<string, string>>
}
