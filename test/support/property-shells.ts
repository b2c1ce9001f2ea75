import { before, test } from 'node:test'
import { startTestApi } from './api.ts'
import type { WireRequest } from './arbitrary-request.ts'
import { startBroker } from './broker.ts'
import { startEdge } from './edge.ts'
import { type Ending, endOfFile } from './ending.ts'
import { startTestGateway } from './gateway.ts'
import { declareOracle, holdsForAnyRequest, type PropertyTarget, writeTokens } from './property.ts'

const SHELLS = ['gateway', 'functions', 'edge'] as const
type Targets = Readonly<Record<(typeof SHELLS)[number], PropertyTarget>>

/** API Gateway's front refuses other methods and control characters by itself, as Node's parser does here. */
const isForFunctions = ({ method, fields }: WireRequest) =>
  ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method) &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
  fields.every(([, value]) => !/[\0-\x08\x0b-\x1f\x7f]/.test(value))

/**
 * The tests of a file: `runs` random requests to each shell, with a broker of their own. fast-check
 * prints the seed of a run that failed.
 */
export function testAnyRequest(runs: number): void {
  const ending = endOfFile()
  let targets: Targets
  before(async () => {
    targets = await startShells(ending)
  })
  for (const shell of SHELLS) {
    test(`${shell}: any request gets a documented answer, and no message arrives without leave`, async () => {
      await holdsForAnyRequest(targets[shell], runs)
    })
  }
}

async function startShells(ending: Ending): Promise<Targets> {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  const oracle = await declareOracle(ending, broker.amqpUrl)
  const env = {
    AMQP_URL: broker.amqpUrl,
    API_TOKENS_FILE: await writeTokens(ending),
    API_TOKEN: undefined,
  }
  const gateway = await startTestGateway(ending, env)
  const api = await startTestApi(ending, { env })
  const edge = await startEdge(ending, { API_URL: gateway.origin })
  const port = (origin: string) => Number(new URL(origin).port)
  return {
    gateway: { port: port(gateway.origin), oracle, process: gateway.child },
    functions: { port: port(api.origin), oracle, process: api.child, takes: isForFunctions },
    edge: { port: edge.port, oracle, process: edge.nginx },
  }
}
