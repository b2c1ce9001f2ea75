import type { MessageProperties } from 'amqplib'
import type { ProblemCode } from '#lib/errors.ts'
import { ACCEPTED } from './cases-accepted.ts'
import { BATCHES } from './cases-batch.ts'
import { REFUSED } from './cases-refused.ts'
import type { Sent } from './send.ts'

/** What a client may be talking to. */
export type Shell = 'serverless offline' | 'gateway' | 'edge'

/** One request and its answer: the contract, the same in every shell. */
export interface Case {
  /** A sentence. */
  readonly name: string
  /** The caller's token is added, unless it has an Authorization header, `undefined` included. */
  readonly request: Sent
  /** @default the problem's, or 200 */
  readonly status?: number
  /** The problem that the answer is. Absent: it is none. */
  readonly problem?: ProblemCode
  /** Members that the answer's JSON has, beside those of the problem. */
  readonly json?: Readonly<Record<string, unknown>>
  /** Header fields that the answer has or, if `undefined`, has not; names in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** All that is in the queues afterwards. @default nothing */
  readonly messages?: readonly ExpectedMessage[]
  /** The shells that answer so. @default all */
  readonly shells?: readonly Shell[]
}

export interface ExpectedMessage {
  readonly queue: string
  /** @default the request's */
  readonly body?: Buffer | string
  readonly properties?: Partial<MessageProperties>
  readonly headers?: Readonly<Record<string, unknown>>
}

/** Every case of the contract. */
export const CASES: readonly Case[] = [...ACCEPTED, ...REFUSED, ...BATCHES]
