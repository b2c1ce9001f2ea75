import fc from 'fast-check'

/** A request as bytes on the wire: framed well enough to be one request, else whatever. */
export interface WireRequest {
  readonly method: string
  readonly target: string
  readonly fields: readonly (readonly [string, string])[]
  readonly body: string
}

/** Tokens a caller may present, by what they are. */
export interface Tokens {
  /** May publish to `orders` and `orders.*`. */
  readonly scoped: string
  /** May publish nowhere. */
  readonly powerless: string
}

const anyLatin1 = (max: number) =>
  fc
    .uint8Array({ maxLength: max })
    .map((bytes) => [...bytes].map((byte) => String.fromCharCode(byte)).join(''))

/** Without what would end the line or the header. */
const fieldText = anyLatin1(40).map((text) => text.replace(/[\r\n\0]/g, ' '))
const method = fc.oneof(
  { arbitrary: fc.constant('POST'), weight: 8 },
  { arbitrary: fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'), weight: 3 },
  { arbitrary: fc.stringMatching(/^[A-Z]{1,10}$/), weight: 1 },
)
const segment = fc.oneof(
  fc.constantFrom(
    'orders',
    'orders.full',
    'orders.unbound',
    'amq.direct',
    'secret',
    '..',
    '.',
    '',
    '%2e%2e',
  ),
  fc.constantFrom('%2F', '%252F', '%00', '%ZZ', '%', 'a%2Fb', 'orders%20', '%C3%BC', '%ff'),
  fc.stringMatching(/^[\x21-\x7e]{0,20}$/).map((text) => text.replace(/[?#]/g, '-')),
)
const path = fc.oneof(
  { arbitrary: fc.constant('/publish/orders'), weight: 5 },
  {
    arbitrary: fc
      .tuple(
        fc.constantFrom('/publish/', '/batch/', '/', '//', '/problems/', '/health/'),
        fc.array(segment, { maxLength: 4 }),
      )
      .map(([prefix, segments]) => prefix + segments.join('/')),
    weight: 5,
  },
  {
    arbitrary: fc.constantFrom(
      '/health',
      '/openapi.json',
      '/docs',
      '*',
      'http://evil/publish/orders',
    ),
    weight: 1,
  },
)
const propertyName = fc.constantFrom(
  ...['routing_key', 'mandatory', 'message_id', 'priority', 'expiration', 'timestamp', 'headers'],
  ...['delivery_mode', 'reply_to', 'user_id', 'cc', 'type', 'x'],
)
const propertyText = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    '1',
    '2',
    '256',
    '-1',
    '{}',
    '{"CC":["secret"]}',
    '{"a":{"b":[1]}}',
    'eu.new',
  ),
  fc.string({ maxLength: 20 }),
  fc.constant('x'.repeat(300)),
)
const query = fc
  .array(fc.tuple(propertyName, propertyText), { maxLength: 3 })
  .map((pairs) =>
    pairs.map(([name, text]) => `${name}=${encodeURIComponent(text.toWellFormed())}`).join('&'),
  )
const field = fc.oneof(
  fc.tuple(
    propertyName.map((name) => `AMQP-${name.replaceAll('_', '-')}`),
    fc.oneof(
      propertyText.map((text) => text.replace(/[^\x20-\x7e]/g, '?')),
      fieldText,
    ),
  ),
  fc.tuple(
    fc.constant('Content-Type'),
    fc.oneof(
      fc.constantFrom(
        'application/json',
        'text/xml',
        'application/x-www-form-urlencoded',
        'image/png',
      ),
      fieldText,
    ),
  ),
  fc.tuple(
    fc.constantFrom(
      'Idempotency-Key',
      'Content-Encoding',
      'traceparent',
      'Accept',
      'X-Request-Id',
      'Cookie',
      'Range',
      'Origin',
    ),
    fieldText,
  ),
  fc.tuple(
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,15}$/).map((name) => `X-${name}`),
    fieldText,
  ),
)
const body = fc.oneof(
  fc.constantFrom(
    '',
    '{"hello":"Gonzalo"}',
    '[{"routing_key":"","properties":{},"payload":"x","payload_encoding":"string"}]',
    '{',
    '\ufeff',
  ),
  anyLatin1(200),
)

const authorization = ({ scoped, powerless }: Tokens) =>
  fc.oneof(
    { arbitrary: fc.constant<string[]>([`Bearer ${scoped}`]), weight: 6 },
    { arbitrary: fc.constant<string[]>([]), weight: 1 },
    {
      arbitrary: fc.constantFrom<string[]>(
        [`Bearer ${powerless}`],
        [`Bearer ${scoped}x`],
        [`Basic ${scoped}`],
        [scoped],
        [`Bearer ${powerless}`, `Bearer ${scoped}`],
      ),
      weight: 3,
    },
    { arbitrary: fieldText.map((text) => [text]), weight: 1 },
  )

/** Requests from sound to absurd, most of them near enough to something sound to get far. */
export const arbitraryRequest = (tokens: Tokens): fc.Arbitrary<WireRequest> =>
  fc
    .tuple(method, path, query, authorization(tokens), fc.array(field, { maxLength: 4 }), body)
    .map(([m, p, q, tokensGiven, fields, b]) => ({
      method: m,
      target: q === '' ? p : `${p}?${q}`,
      fields: [...tokensGiven.map((value) => ['Authorization', value] as const), ...fields],
      body: b,
    }))

/** The bytes of a request; its length is right, so that one request is one request. */
export function toWire({ method: m, target, fields, body: b }: WireRequest): Buffer {
  const bytes = Buffer.from(b, 'utf8')
  const head = [
    `${m} ${target} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    `Content-Length: ${bytes.length}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ].join('\r\n')
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), bytes])
}
