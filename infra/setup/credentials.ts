import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { apiToken } from '#lib/auth/api-token.ts'
import { ConfigError, type Env, readSettings, text } from '#lib/config.ts'

/** All secrets of one stack. */
export interface Credentials {
  /** What callers send to publish to any exchange. */
  readonly apiToken: string
  /** The administrator of the broker, for people. */
  readonly user: string
  readonly pass: string
  /** Password of {@link SERVICE_USER}. */
  readonly servicePass: string
}

/** The broker's user for the gateway and the relays; the console does not let it in. */
export const SERVICE_USER = 'warren-services'

const GIVEN = {
  RABBITMQ_USER: v.pipe(
    text(''),
    v.check((name) => name !== SERVICE_USER, `must not be ${SERVICE_USER}, which is taken`),
  ),
  RABBITMQ_PASS: text(''),
  API_TOKEN: text(''),
}

/** 256 bits, in 43 characters that need no quoting anywhere. */
const newSecret = () => randomBytes(32).toString('base64url')

/**
 * What is given, else what was made before, else something new.
 * @param loopbackOnly the edge is published on a loopback address only: a weak token does no harm
 * @throws {ConfigError}
 */
export function chooseCredentials(
  given: Env,
  before: Partial<Credentials>,
  loopbackOnly: boolean,
): Credentials {
  const { API_TOKEN, RABBITMQ_USER, RABBITMQ_PASS } = readSettings(GIVEN, given)
  const chosen = {
    apiToken: API_TOKEN || before.apiToken || `wt_${newSecret()}`,
    user: RABBITMQ_USER || before.user || 'warren',
    pass: RABBITMQ_PASS || before.pass || newSecret(),
    servicePass: before.servicePass ?? newSecret(),
  }
  apiToken(chosen.apiToken, loopbackOnly)
  return chosen
}

const KEPT = v.partial(
  v.object({ apiToken: v.string(), user: v.string(), pass: v.string(), servicePass: v.string() }),
)

/** What was written by an earlier run. @throws {ConfigError} it is not what we write */
export function parseCredentials(json: string): Partial<Credentials> {
  try {
    return v.parse(KEPT, JSON.parse(json)) as Partial<Credentials>
  } catch {
    throw new ConfigError(['credentials.json is damaged: delete it, and new secrets are made'])
  }
}
