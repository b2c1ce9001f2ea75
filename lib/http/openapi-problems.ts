import { PROBLEMS, type ProblemCode, type ProblemRow } from '#lib/errors.ts'
import { refTo } from './openapi-schemas.ts'

/** Problems that any request may meet, some of them before it reaches a function. */
export const ANYWHERE: readonly ProblemCode[] = [
  'invalid-request',
  'forbidden-address',
  'not-found',
  'method-not-allowed',
  'request-timeout',
  'uri-too-long',
  'rate-limited',
  'headers-too-large',
  'internal',
  'overloaded',
  'gateway-lost',
]
/** Problems of whoever sends messages. */
const SENDING: readonly ProblemCode[] = [
  ...ANYWHERE,
  'malformed-json',
  'unauthorized',
  'body-too-large',
  'broker-misconfigured',
]
/** Problems of a message on its way; in a batch each item has its own. */
export const PUBLISHING: readonly ProblemCode[] = [
  ...SENDING,
  'forbidden-destination',
  'exchange-not-found',
  'unroutable',
  'broker-unavailable',
  'broker-blocked',
  'nacked',
  'confirm-timeout',
  'connection-lost',
  'channel-lost',
  'blocked-in-flight',
]
/** Problems of whoever asks for readiness. */
export const READINESS: readonly ProblemCode[] = [
  ...ANYWHERE,
  'unauthorized',
  'broker-misconfigured',
  'broker-unavailable',
  'broker-blocked',
]
/** Problems of a batch as a whole. */
export const BATCH: readonly ProblemCode[] = [
  ...SENDING,
  'unsupported-media-type',
  'batch-incomplete',
]

/** One response for each status, which names its codes. */
export function problems(codes: readonly ProblemCode[]) {
  const statuses = [...new Set(codes.flatMap(statusesOf))].sort((one, other) => one - other)
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      problemResponse(codes.filter((code) => statusesOf(code).includes(status))),
    ]),
  )
}

/** Two codes have two statuses: proxies tell a timeout from an end, a batch says what its items need. */
export function statusesOf(code: ProblemCode): readonly number[] {
  if (code === 'gateway-lost') return [502, 504]
  return code === 'batch-incomplete' ? [422, 503] : [PROBLEMS[code].status]
}

function problemResponse(codes: readonly ProblemCode[]) {
  const rows: ProblemRow[] = codes.map((code) => PROBLEMS[code])
  const field = (description: string) => ({ description, schema: { type: 'string' } })
  const headers = {
    ...(rows.some((row) => row.retryAfterS !== undefined)
      ? { 'Retry-After': field('Seconds to wait before the next try.') }
      : {}),
    ...(codes.includes('unauthorized') ? { 'WWW-Authenticate': field('What is needed.') } : {}),
    ...(codes.includes('method-not-allowed') ? { Allow: field('The methods to use.') } : {}),
  }
  const schema = codes.includes('batch-incomplete')
    ? { oneOf: [refTo('BatchProblem'), refTo('Problem')] }
    : refTo('Problem')
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
    headers,
    content: { 'application/problem+json': { schema } },
  }
}
