import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { connectError } from '#lib/amqp/errors.ts'
import { ConfigError } from '#lib/config.ts'
import { describeError } from '#lib/log.ts'
import { connectors, type RunOptions } from '#relay/run.ts'
import type { Connect, Sides } from '#relay/start.ts'

/** The brokers of a command, which tries each connection once: somebody waits for its answer. */
export interface Brokers {
  readonly connect: Sides<Connect>
  /**
   * Opens a connection that ends with the command.
   * @throws {ConfigError} the broker refuses the relay
   * @throws {Error} it cannot be reached
   */
  open(side: keyof Sides<Connect>): Promise<AmqpConnection>
}

const CLOSE_MS = 2000

/** @param name of the command, for the broker's console */
export async function withBrokers<T>(
  options: RunOptions,
  name: string,
  use: (brokers: Brokers) => Promise<T>,
): Promise<T> {
  const connect = connectors(options, `relay ${name}`)
  const opened: AmqpConnection[] = []
  const open = async (side: keyof Sides<Connect>) => {
    const connection = await connect[side]().catch((error) => {
      throw cannotConnect(side, connect, error)
    })
    opened.push(connection)
    return connection
  }
  try {
    return await use({ connect, open })
  } finally {
    await Promise.all(opened.map((connection) => connection.close(CLOSE_MS)))
  }
}

function cannotConnect(side: string, connect: Sides<Connect>, error: unknown): Error {
  const broker = `the ${connect.source === connect.destination ? '' : `${side}'s `}broker`
  return connectError(error).code === 'broker-misconfigured'
    ? new ConfigError([`${broker} refuses the relay: ${describeError(error)}`])
    : new Error(`cannot connect to ${broker}`, { cause: error })
}
