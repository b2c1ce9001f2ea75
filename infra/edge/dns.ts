import { isIPv4 } from 'node:net'

/** What someone wants to know: the addresses of a name. */
export interface Question {
  readonly name: string
  /** Whether IPv4 addresses are asked for; we know no others. */
  readonly isAddress: boolean
  /** The bytes of the query up to the end of its question. */
  readonly bytes: Buffer
}

const HEADER_BYTES = 12
const TYPE_A = 1
/** RFC 1035, 4.1.1: this is a response, recursion was available, and the code. */
const NO_ERROR = 0x8180
const SERVER_FAILURE = 0x8182
/** RFC 1035, 4.1.4: the name that stands at byte 12, where the question begins. */
const SAME_NAME = 0xc00c
/** More do not fit into 512 bytes, a response's size over UDP (RFC 1035, 4.2.1), beside a long name. */
const MOST_ADDRESSES = 15

/** The question of a DNS query (RFC 1035, 4.1); undefined when it is not one with one question. */
export function parseQuery(query: Buffer): Question | undefined {
  if (query.length < HEADER_BYTES || query.readUInt16BE(4) !== 1) return undefined
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const end = at + 5
  if (query.length < end) return undefined
  return {
    name: labels.join('.'),
    isAddress: query.readUInt16BE(at + 1) === TYPE_A,
    bytes: query.subarray(0, end),
  }
}

/** A response with these addresses, which may be kept for a second. */
export function renderAnswer(question: Question, addresses: readonly string[]): Buffer {
  const records = addresses.filter(isIPv4).slice(0, MOST_ADDRESSES).map(recordOf)
  return Buffer.concat([head(question, NO_ERROR, records.length), ...records])
}

/** A response that says: ask again. */
export const renderFailure = (question: Question): Buffer => head(question, SERVER_FAILURE, 0)

function head({ bytes }: Question, flags: number, answers: number): Buffer {
  const response = Buffer.from(bytes)
  response.writeUInt16BE(flags, 2)
  response.writeUInt16BE(answers, 6)
  response.fill(0, 8, HEADER_BYTES)
  return response
}

function recordOf(address: string): Buffer {
  const record = Buffer.alloc(16)
  record.writeUInt16BE(SAME_NAME, 0)
  record.writeUInt16BE(TYPE_A, 2)
  record.writeUInt16BE(1, 4) // The class: Internet.
  record.writeUInt32BE(1, 6) // Seconds to live.
  record.writeUInt16BE(4, 10)
  record.set(address.split('.').map(Number), 12)
  return record
}
