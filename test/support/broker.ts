import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '#infra/local/ports.ts'
import {
  findRabbitmq,
  type PrivateNode,
  type PrivateNodeOptions,
  startPrivateNode,
} from '#infra/local/private-node.ts'
import { killNoted } from '#infra/local/processes.ts'

/** A real RabbitMQ for a test: own node, own ports, own folder; every fault a test can wish for. */
export interface Broker {
  readonly amqpUrl: string
  readonly managementUrl: string
  readonly amqpPort: number
  readonly user: string
  readonly pass: string
  /** Starts it (again) on the same ports with the same data. */
  start(): Promise<void>
  /** Ends it in order; durable data stays. */
  stop(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** SIGSTOP: nothing answers any more, no connection closes. */
  pause(): void
  /** SIGCONT. */
  resume(): void
  /** Sets or clears the memory alarm. */
  alarm(on: boolean): Promise<void>
  /** Of the Erlang VM that runs now. */
  pid(): number
  /** rabbitmqctl. */
  ctl(...args: string[]): Promise<string>
  /** `rabbitmqctl eval`: runs Erlang inside the node. */
  erlang(expression: string): Promise<string>
  /** Ends it and deletes its folder. */
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface BrokerOptions {
  readonly plugins?: readonly string[]
  readonly conf?: readonly string[]
  /** Makes it a node of a cluster; `conf` says with whom. */
  readonly member?: ClusterMember
}

/** A node waits for the others, and three start on the same cores. */
const MEMBER_READY_MS = 180_000

/** What a node has of its own in a cluster, and what it shares. */
export interface ClusterMember {
  readonly name: string
  readonly distPort: number
  /** Of an epmd that runs. */
  readonly epmdPort: number
  readonly cookie: string
  readonly vmArgs: readonly string[]
}

/**
 * Starts a node.
 * @throws {Error} one clear line when RabbitMQ is not installed: a test never skips for that
 */
export async function startBroker({
  plugins = [],
  conf = [],
  member,
}: BrokerOptions = {}): Promise<Broker> {
  // Another RabbitMQ than the one that is installed; .ci/rabbitmq-4 provides one.
  const bin = process.env['TEST_RABBITMQ_BIN'] ?? findRabbitmq()
  if (bin === undefined) {
    throw new Error('RabbitMQ is not installed: run `npm test`, which installs it, or install it.')
  }
  const home = await mkdtemp(join(tmpdir(), 'warren-broker-'))
  const [amqp, management, dist, epmd] = (await freePorts(4)) as [number, number, number, number]
  const ports = {
    amqp,
    management,
    dist: member?.distPort ?? dist,
    epmd: member?.epmdPort ?? epmd,
  }
  if (member) await writeFile(join(home, '.erlang.cookie'), member.cookie, { mode: 0o400 })
  const options: PrivateNodeOptions = {
    bin,
    home,
    ports,
    user: 'warren',
    pass: 'warren',
    plugins,
    conf,
    ...(member && {
      name: member.name,
      sharesEpmd: true,
      vmArgs: member.vmArgs,
      readyWithinMs: MEMBER_READY_MS,
    }),
  }
  return brokerOf(options, await startPrivateNode(options))
}

function brokerOf(options: PrivateNodeOptions, first: PrivateNode): Broker {
  let node = first
  const dispose = async () => {
    await node.kill()
    killNoted(options.home) // One that is being started.
    await rm(options.home, { recursive: true, force: true, maxRetries: 3 })
  }
  return {
    amqpUrl: first.amqpUrl,
    managementUrl: first.managementUrl,
    amqpPort: options.ports.amqp,
    user: options.user,
    pass: options.pass,
    start: async () => {
      node = await startPrivateNode(options)
    },
    stop: () => node.stop(),
    kill: () => node.kill(),
    pause: () => void process.kill(node.pid, 'SIGSTOP'),
    resume: () => void process.kill(node.pid, 'SIGCONT'),
    alarm: async (on) => {
      await node.ctl('set_vm_memory_high_watermark', on ? '0.0000001' : '0.4')
    },
    pid: () => node.pid,
    ctl: (...args) => node.ctl(...args),
    erlang: (expression) => node.ctl('eval', expression),
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}
