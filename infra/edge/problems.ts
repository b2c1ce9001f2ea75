import { PROBLEMS, type ProblemCode, type ProblemContext, WarrenError } from '#lib/errors.ts'
import { problemResponse } from '#lib/http/problem.ts'
import type { HttpResponse } from '#lib/http/response.ts'
import { ROUTES } from '#lib/http/routes.ts'
import { block, type Lines, quoted } from './blocks.ts'

/** An answer that nginx gives by itself, in the form that all of Warren's failures have. */
interface Page {
  /** nginx's own codes for it; 494 and 497 never leave nginx. */
  readonly when: readonly number[]
  /** @default the status of the code's row in PROBLEMS */
  readonly status?: number
  readonly code: ProblemCode
  readonly context?: ProblemContext
}

const MALFORMED =
  'The request line, a header or the framing is malformed, or the path has a dot segment, an empty segment (`//`) or a raw `#`. Correct it and send it again.'
const LOST =
  'Send it again with the same Idempotency-Key: the message may be in the queue already. If it stays so, the operator must look at what is behind the edge.'

/**
 * What of PROBLEMS nginx itself can say; answers from behind it are passed untouched. There is no
 * 408: nginx closes the connection of a caller who is too slow, with no way to say why.
 */
const pagesFor = (maxBodyBytes: number): readonly Page[] => [
  // 501 is a Transfer-Encoding that nginx does not know, 505 a version of HTTP.
  { when: [400, 501, 505], code: 'invalid-request', context: { detail: MALFORMED } },
  {
    when: [497],
    code: 'invalid-request',
    context: { detail: 'This port speaks HTTPS only: use https:// in the address.' },
  },
  { when: [403], code: 'forbidden-address' },
  { when: [404], code: 'not-found' },
  { when: [405], code: 'method-not-allowed', context: { headers: { allow: '$edge_allow' } } },
  { when: [413], code: 'body-too-large', context: { maxBytes: maxBodyBytes } },
  { when: [414], code: 'uri-too-long' },
  { when: [429], code: 'rate-limited' },
  { when: [494], code: 'headers-too-large' },
  { when: [500], code: 'internal' },
  { when: [502], code: 'gateway-lost', context: { detail: LOST } },
  { when: [504], status: 504, code: 'gateway-lost', context: { detail: LOST } },
]

/**
 * Sends nginx's own failures to their pages and says what these are; the pages themselves are at
 * {@link PROBLEM_LOCATION}.
 */
export function problemPages(maxBodyBytes: number): Lines {
  const pages = pagesFor(maxBodyBytes).map((page) => ({ ...page, ...answerOf(page) }))
  return [
    ...ALLOW,
    ...pages.map(({ when, status, at }) => `error_page ${when.join(' ')} =${status} ${at};`),
    ...block(
      'map $uri $edge_problem',
      pages.map(({ at, body }) => `${at} ${quoted(body)};`),
    ),
    // A header whose value is empty is not sent.
    ...HEADERS.flatMap((name) => [
      ...block(
        `map $uri $edge_problem_${name.replace('-', '_')}`,
        pages.flatMap(({ at, headers }) => line(at, headers[name])),
      ),
      `add_header ${name} $edge_problem_${name.replace('-', '_')} always;`,
    ]),
  ]
}

// Not a named location: nginx cannot enter one when it could not parse the request line. The
// status is error_page's; the one after `return` is what it replaces.
export const PROBLEM_LOCATION: Lines = block('location ^~ /.problem/', [
  'internal;',
  'default_type application/problem+json;',
  'return 200 $edge_problem;',
])

// The methods of the route, as the API says them; TRACE, say, is refused before the path is read.
const ALLOW = block('map $request_uri $edge_allow', [
  'default "GET, HEAD, POST";',
  ...Object.values(ROUTES).map(
    ({ path, methods }) =>
      `"~^${path}${path.endsWith('/') ? '[^?]' : String.raw`(?:\?|$)`}" ${quoted(methods.join(', '))};`,
  ),
])

const HEADERS = ['cache-control', 'retry-after', 'allow']

const line = (at: string, value: string | undefined): Lines =>
  value === undefined ? [] : [`${at} ${quoted(value)};`]

/** The page's address, and its answer as API and gateway would give it. */
function answerOf(page: Page): HttpResponse & { readonly at: string } {
  const error = new WarrenError(page.code, page.context)
  const { headers, body } = problemResponse(error, { instance: '$request_id' })
  const status = page.status ?? PROBLEMS[page.code].status
  return {
    at: `/.problem/${page.when[0]}`,
    status,
    headers,
    body: JSON.stringify({ ...JSON.parse(body), status }),
  }
}
