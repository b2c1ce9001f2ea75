import { join } from 'node:path'
import type { Broker } from '../broker.ts'
import type { Ending } from '../ending.ts'
import { copySources } from '../package.ts'
import type { Account, Surroundings } from './account.ts'
import { type Call, callerOf } from './caller.ts'
import type { Stack } from './cloudformation/stack.ts'
import { putDocker } from './docker.ts'
import { startAmazonMq, startTlsBroker, type TlsBroker } from './rabbitmq.ts'
import { type Ended, run, serverless } from './serverless.ts'
import { startAws } from './start.ts'

/** The stage that the tests deploy. */
export const STAGE = 'dev'
const STACK = `warren-${STAGE}`

/** A checkout of its own, an account and a broker; nothing is deployed yet. */
export interface Deployment {
  readonly checkout: string
  readonly aws: Account
  readonly broker: Broker
  /** `serverless COMMAND --stage dev` */
  serverless(command: string, ...args: readonly string[]): Promise<Ended>
  /** A program of the checkout. */
  run(program: string, ...args: readonly string[]): Promise<Ended>
  /** `npm run token -- new NAME --publish EXCHANGE --stage dev`: the token. @throws {Error} with what was printed */
  newToken(name: string, exchange: string): Promise<string>
  /** @throws {Error} nothing is deployed */
  stack(): Stack
  output(name: string): string
  /** The deployed API. */
  call: Call
}

/** Prepares a deployment; all of it ends with the test. */
export async function prepareDeployment(ending: Ending): Promise<Deployment> {
  const { broker, ...surroundings } = await startAmazonMq(ending)
  return prepareIn(ending, broker, surroundings)
}

/**
 * Prepares one beside a broker that a company has already; all of it ends with the test.
 * @param host the broker's name on the internet, which its certificate has
 * @param otherHost leads to the same broker
 */
export async function prepareExternal(
  ending: Ending,
  host: string,
  otherHost: string,
): Promise<Deployment & Pick<TlsBroker, 'caFile'>> {
  const { broker, hosts, caFile } = await startTlsBroker(ending, host)
  const elsewhere = { [`${otherHost}:5671`]: hosts[`${host}:5671`] as string }
  const deployment = await prepareIn(ending, broker, { hosts: { ...hosts, ...elsewhere } })
  return { ...deployment, caFile }
}

async function prepareIn(
  ending: Ending,
  broker: Broker,
  surroundings: Surroundings,
): Promise<Deployment> {
  const checkout = await copySources(ending)
  putDocker(join(checkout, 'bin'))
  const programs = { relay: join(checkout, 'relay', 'main.ts') }
  const aws = await startAws(ending, { ...surroundings, programs })
  const stack = () => {
    const found = aws.stacks.get(STACK)
    if (found === undefined) throw new Error(`there is no stack ${STACK}`)
    return found
  }
  const output = (name: string) => {
    const found = stack().outputs.find(({ OutputKey }) => OutputKey === name)
    if (found === undefined) throw new Error(`there is no output ${name}`)
    return found.OutputValue
  }
  const runHere: Deployment['run'] = (program, ...args) =>
    run(aws, checkout, join(checkout, program), ...args)
  const newToken = async (name: string, exchange: string) => {
    const args = ['new', name, '--publish', exchange, '--stage', STAGE]
    const { code, output } = await runHere('infra/token/main.ts', ...args)
    if (code !== 0) throw new Error(output)
    return output.split('\n')[0] ?? ''
  }
  return {
    checkout,
    aws,
    broker,
    serverless: (command, ...args) => serverless(aws, checkout, command, '--stage', STAGE, ...args),
    run: runHere,
    newToken,
    stack,
    output,
    call: (...request) => callerOf(aws, output('ServiceEndpoint'))(...request),
  }
}
