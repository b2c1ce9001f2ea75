import { type Broker, startBroker } from '../support/broker.ts'
import { type Observer, observe } from '../support/messages.ts'
import { cpuSeconds, residentMb } from './cpu.ts'
import type { GrowthRun } from './growth.ts'
import { haveWrk, load } from './load.ts'
import { EXCHANGE, type Subject, startGateway } from './publish-subjects.ts'
import type { Figures } from './rounds.ts'

/** By what grows; the other stays at USUAL. */
const CURVES = {
  connections: [1, 2, 4, 8, 16, 32, 64],
  bytes: [1, 10, 100, 1000, 10_000, 100_000, 1_000_000],
}
const USUAL = { connections: 16, bytes: 1000 }
const QUEUE = 'bench.q'

interface Stage {
  readonly broker: Broker
  readonly observer: Observer
  readonly gateway: Subject
}

type Load = typeof USUAL

/** A gateway and a quorum queue, under more and more callers, and under larger and larger bodies. */
export async function growHttp(run: GrowthRun): Promise<void> {
  await haveWrk()
  await using broker = await startBroker()
  const observer = await observe(broker.amqpUrl)
  try {
    await observer.bind(EXCHANGE, QUEUE, { 'x-queue-type': 'quorum' })
    const gateway = await startGateway('gateway', broker, run.folder)
    try {
      await grow({ broker, observer, gateway }, run)
    } finally {
      await gateway.stop()
    }
  } finally {
    await observer.close()
  }
}

async function grow(stage: Stage, run: GrowthRun): Promise<void> {
  await measure(stage, run, USUAL) // What is not warm is not measured.
  for (let round = 0; round < run.rounds; round += 1) {
    for (const [over, numbers] of Object.entries(CURVES)) {
      for (const number of run.take(numbers)) {
        const figures = await measure(stage, run, { ...USUAL, [over]: number })
        run.results.add('gateway', `${over}=${number}`, round, figures)
      }
    }
  }
}

async function measure(
  { broker, observer, gateway }: Stage,
  { folder, seconds }: GrowthRun,
  { connections, bytes }: Load,
): Promise<Figures> {
  await observer.channel.purgeQueue(QUEUE)
  const { url, headers, pids } = gateway
  const cpu = () => ({ gateway: cpuSeconds(pids), broker: cpuSeconds([broker.pid()]) })
  const before = cpu()
  const result = await load({ url, headers, body: jsonOf(bytes), connections, seconds, folder })
  const after = cpu()
  if (result.failed > 0) {
    throw new Error(`${result.failed} of ${result.requests} requests of ${bytes} bytes failed`)
  }
  const per100k = (used: number) => (used / result.requests) * 100_000
  return {
    rate: result.perSecond,
    time: 1000 / result.perSecond,
    p99: result.p99Ms,
    'gateway CPU': per100k(after.gateway - before.gateway),
    'broker CPU': per100k(after.broker - before.broker),
    resident: residentMb(pids),
  }
}

/** JSON of this many bytes: the gateway checks it, as it checks that of most callers. */
const jsonOf = (bytes: number): string => (bytes < 2 ? '1' : `"${'x'.repeat(bytes - 2)}"`)
