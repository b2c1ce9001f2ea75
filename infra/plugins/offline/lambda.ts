import { type GatewayEvent, isAuthorizerEvent, isProxyEvent, toAwsEvent } from './events.ts'
import { gatewayFault, withoutMark } from './fault.ts'

/** serverless-offline's execution of one function. */
export interface LambdaFunction {
  setEvent(event: unknown): void
  runHandler(): Promise<unknown>
}

/** Lambda's limit of a synchronous invocation's event, in bytes (Lambda quotas). */
const MAX_EVENT_BYTES = 6 * 1024 * 1024

/**
 * Gives functions the events that API Gateway sends, and takes their answers as it takes them: what is
 * no answer, a thrown error and a timeout are faults.
 */
export function emulateLambda(prototype: LambdaFunction): void {
  const events = new WeakMap<LambdaFunction, GatewayEvent>()
  const { setEvent, runHandler } = prototype
  prototype.setEvent = function (event) {
    if (isProxyEvent(event) || isAuthorizerEvent(event)) events.set(this, toAwsEvent(event))
    setEvent.call(this, event)
  }
  prototype.runHandler = function () {
    const event = events.get(this)
    const run = () => runHandler.call(this)
    if (event === undefined) return run() // Invoked through Lambda's own API.
    return isAuthorizerEvent(event) ? authorize(event, run) : answer(event, run)
  }
}

type Run = () => Promise<unknown>

async function answer(event: GatewayEvent, run: Run): Promise<unknown> {
  if (Buffer.byteLength(JSON.stringify(event)) > MAX_EVENT_BYTES) {
    return gatewayFault('REQUEST_TOO_LARGE', 413)
  }
  try {
    const result = await run()
    if (isProxyResult(result)) {
      return withoutMark({
        ...result,
        statusCode: Number(result.statusCode),
        body: result.body ?? '',
      })
    }
  } catch {
    // serverless-offline has logged it.
  }
  return gatewayFault('DEFAULT_5XX', 502)
}

interface ProxyResult {
  readonly statusCode: number | string
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body?: string | null
}

function isProxyResult(result: unknown): result is ProxyResult {
  if (typeof result !== 'object' || result === null) return false
  const { statusCode, body } = result as Record<string, unknown>
  const hasBody = body === undefined || body === null || typeof body === 'string'
  return hasBody && /^[1-5]\d\d$/.test(String(statusCode))
}

/** Only the error `Unauthorized` is a 401. Any other fault is API Gateway's 500. */
async function authorize({ methodArn }: GatewayEvent, run: Run): Promise<unknown> {
  // serverless-offline answers 500 for a context that is no object, and 401 for whatever is thrown.
  const fault = {
    principalId: 'fault',
    policyDocument: { Statement: [{ Effect: 'Allow', Action: '*', Resource: methodArn }] },
    context: 'fault',
  }
  try {
    const result = await run()
    return isPolicy(result) ? result : fault
  } catch (error) {
    if (error instanceof Error && error.message === 'Unauthorized') throw error
    return fault
  }
}

const isPolicy = (result: unknown): boolean =>
  typeof result === 'object' &&
  result !== null &&
  'principalId' in result &&
  'policyDocument' in result
