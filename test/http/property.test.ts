import { before, test } from 'node:test'
import { startTestApi } from '../support/api.ts'
import type { WireRequest } from '../support/arbitrary-request.ts'
import { startBroker } from '../support/broker.ts'
import { startEdge } from '../support/edge.ts'
import { endOfFile } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import {
  declareOracle,
  holdsForAnyRequest,
  type PropertyTarget,
  writeTokens,
} from '../support/property.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 1000)
/** API Gateway's front refuses other methods and control characters by itself, as Node's parser does here. */
const isForFunctions = ({ method, fields }: WireRequest) =>
  ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method) &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
  fields.every(([, value]) => !/[\0-\x08\x0b-\x1f\x7f]/.test(value))
const ending = endOfFile()
const targets: Record<string, PropertyTarget> = {}

before(async () => {
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
  targets['gateway'] = { port: port(gateway.origin), oracle, process: gateway.child }
  targets['functions'] = {
    port: port(api.origin),
    oracle,
    process: api.child,
    takes: isForFunctions,
  }
  targets['edge'] = { port: edge.port, oracle, process: edge.nginx }
})

for (const shell of ['gateway', 'functions', 'edge']) {
  test(`${shell}: any request gets a documented answer, and no message arrives without leave`, async () => {
    await holdsForAnyRequest(targets[shell] as PropertyTarget, RUNS)
  })
}
