import { TOKEN } from './api.ts'
import { lines, type RawAnswer } from './raw-http.ts'

const AUTH = `Authorization: Bearer ${TOKEN}`
/** The head of a request to publish. */
export const post = (id: string, ...more: readonly string[]) =>
  lines('POST /publish/orders HTTP/1.1', 'Host: x', AUTH, `Idempotency-Key: ${id}`, ...more)
/** A whole one. */
export const message = (id: string) => `${post(id, 'Content-Length: 5')}hello`

/** What each answer is: its status, and the id of the message or the code of the problem. */
export const told = (answers: readonly RawAnswer[]) =>
  answers.map(({ status, body }) => {
    const { messageId, code, status: said } = JSON.parse(body)
    return [status, messageId ?? code ?? said]
  })

/** What follows a complete request, and what that is answered with. */
interface Trailing {
  readonly bytes: string | Buffer
  readonly status: number
  readonly code: string
}

/** No HTTP. */
export const garbage = (length: number) => Buffer.alloc(length, 'ä<xml/>\n')
/** The first bytes of a TLS handshake. */
const TLS_HELLO = Buffer.from('16030102000100fc0303', 'hex')

const BAD = { status: 400, code: 'invalid-request' }
/** All kinds of it, by name. */
export const TRAILING: Readonly<Record<string, Trailing>> = {
  'a NUL': { bytes: '\0', ...BAD },
  'the rest of a text that was counted in characters': { bytes: 'ürfen"}', ...BAD },
  'a TLS hello': { bytes: TLS_HELLO, ...BAD },
  '40 KB of no HTTP': { bytes: garbage(40_000), ...BAD },
  '2 MB of no HTTP': { bytes: garbage(2_000_000), ...BAD },
  'a head that is too large': {
    bytes: lines('GET /health HTTP/1.1', 'Host: x', `X: ${'x'.repeat(40_000)}`),
    status: 431,
    code: 'headers-too-large',
  },
  'half a head, then silence': {
    bytes: 'POST /publish/orders HTTP/1.1\r\nHost: x\r\n',
    status: 408,
    code: 'request-timeout',
  },
  'a CONNECT': {
    bytes: lines('CONNECT other:443 HTTP/1.1', 'Host: other:443'),
    status: 405,
    code: 'method-not-allowed',
  },
  'an expectation that is none': {
    bytes: post('odd', 'Content-Length: 0', 'Expect: tea', 'Connection: close'),
    ...BAD,
  },
  'chunks that are none': {
    bytes: `${post('odd', 'Transfer-Encoding: chunked')}zz\r\nhello`,
    ...BAD,
  },
  'a chunk longer than it says': {
    bytes: `${post('odd', 'Transfer-Encoding: chunked')}2\r\nhello\r\n0\r\n\r\n`,
    ...BAD,
  },
  'a body that does not come': {
    bytes: `${post('odd', 'Content-Length: 5')}hel`,
    status: 408,
    code: 'request-timeout',
  },
}
