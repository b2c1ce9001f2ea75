import { amqpUrl } from './config.ts'
import { type Deadline, deadlineIn, remainingMs } from './deadline.ts'
import { WarrenError } from './errors.ts'
import { kept } from './kept.ts'
import { describeError, type Log } from './log.ts'

/** Reads the text of a secret by the deadline. */
export type ReadSecret = (deadline: Deadline) => Promise<string>

/** `arn:aws:secretsmanager:<region>:<account>:secret:<name>` */
const REGION = /^arn:[^:]+:secretsmanager:([^:]+):/

/**
 * Makes a reader of a secret in AWS Secrets Manager, or in what `AWS_ENDPOINT_URL_SECRETS_MANAGER`
 * names. The SDK is loaded at the first reading: whoever has no secret there does not pay for it.
 */
export function secretReader(arn: string): ReadSecret {
  let loading: ReturnType<typeof loadSecretsManager> | undefined
  return async (deadline) => {
    loading ??= loadSecretsManager(arn)
    const { client, sdk } = await loading
    const abortSignal = AbortSignal.timeout(Math.max(0, Math.floor(remainingMs(deadline))))
    const command = new sdk.GetSecretValueCommand({ SecretId: arn })
    const { SecretString: text } = await client.send(command, { abortSignal })
    if (text === undefined) throw new Error('the secret has no text')
    return text
  }
}

/** Loads the SDK, and makes a client for the region of this secret. */
export async function loadSecretsManager(arn: string) {
  const sdk = await import('./secrets-sdk.ts')
  const region = REGION.exec(arn)?.[1]
  return { sdk, client: new sdk.SecretsManagerClient(region === undefined ? {} : { region }) }
}

/** As old as a token may be; the secret costs a round trip, which a burst of connects need not pay. */
const URL_REFRESH_MS = 20_000
/** Below the second that a request spends on it at most, so that the last good URL can still serve. */
const URL_TIMEOUT_MS = 900

/**
 * Makes a function that gives the broker's URL from its secret. While the store is away, the last
 * good one serves. Its argument: read it anew, for the broker refused the one it had.
 * @param timeoutMs of one reading
 * @throws {WarrenError} broker-unavailable: never read yet; broker-misconfigured: not an AMQP URL
 */
export function brokerUrlFrom(
  read: ReadSecret,
  log: Log,
  timeoutMs = URL_TIMEOUT_MS,
): (fresh: boolean) => Promise<string> {
  const url = kept({
    read: async (deadline) => asUrl(await read(deadline).catch(unavailable)),
    everyMs: URL_REFRESH_MS,
    keepMs: Number.POSITIVE_INFINITY,
    timeoutMs,
    now: Date.now,
    onFailure: (error) => log.error({ err: describeError(error) }, 'broker secret not read'),
  })
  return (fresh) => url.get(deadlineIn(timeoutMs), fresh)
}

function unavailable(cause: unknown): never {
  throw new WarrenError('broker-unavailable', { cause })
}

function asUrl(text: string): string {
  try {
    return amqpUrl('The secret of AMQP_URL_SECRET_ARN', text.trim())
  } catch (cause) {
    throw new WarrenError('broker-misconfigured', { cause })
  }
}
