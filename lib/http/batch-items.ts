import { WarrenError } from '#lib/errors.ts'
import { readLabel } from './body.ts'
import { createFaults, type Faults, invalid } from './faults.ts'
import { opensJson, type Parsed, parseJson, withoutBom } from './json.ts'
import { essenceOf, isFormType, isIdentity } from './media-type.ts'
import type { HttpRequest } from './request.ts'

/** One request may hold so many messages. */
export const MOST_ITEMS = 1_000

/**
 * The items of a batch: a JSON list, `{"messages": […]}`, one envelope alone as the management API
 * takes it, or one JSON text a line. A bad line is an item that cannot be read, and no harm to others.
 * @throws {WarrenError} unsupported-media-type, malformed-json, invalid-request: none or over 1,000
 * items, or properties for the batch as a whole
 */
export function readItems(request: HttpRequest): readonly Parsed[] {
  const faults = createFaults()
  refuseProperties(request, faults)
  const { type, encoding } = readLabel(request, faults)
  if (faults.items.length > 0) throw new WarrenError('invalid-request', { errors: faults.items })
  if (!isIdentity(encoding)) throw unsupported('A batch cannot be compressed.')
  const items = isLines(type) ? readLines(request.body) : readList(request.body, type)
  if (items.length === 0) throw invalid(['body'], 'There is no message in it.')
  if (items.length > MOST_ITEMS) {
    throw invalid(['body'], `Has ${items.length} messages; at most ${MOST_ITEMS} are allowed.`)
  }
  return items
}

/** What holds for one message only would be a lie about a thousand. */
function refuseProperties({ headers, query }: HttpRequest, faults: Faults): void {
  for (const name of headers.keys()) {
    if (name === 'idempotency-key') {
      faults.add(['headers', 'Idempotency-Key'], 'Give each item its message_id instead.')
    } else if (name.startsWith('amqp-')) {
      faults.add(['headers', name], 'Give each item its properties instead.')
    }
  }
  for (const name of query.keys()) {
    faults.add(['query', name], 'A batch takes no parameters; give each item its properties.')
  }
}

const isLines = (type: string | undefined): boolean =>
  type !== undefined && essenceOf(type) === 'application/x-ndjson'

const NEWLINE = 0x0a

function readLines(body: Buffer): Parsed[] {
  const lines: Parsed[] = []
  let rest = withoutBom(body)
  while (rest.length > 0) {
    const at = rest.indexOf(NEWLINE)
    const line = at < 0 ? rest : rest.subarray(0, at)
    rest = rest.subarray(at < 0 ? rest.length : at + 1)
    if (line.some((byte) => byte > 0x20)) lines.push(parseJson(line))
  }
  return lines
}

/** As for one message: what has no type, or the one that old clients send for everything, may be JSON. */
function readList(body: Buffer, type: string | undefined): Parsed[] {
  const unsaid = type === undefined || isFormType(type)
  const isJson = unsaid ? opensJson(body) : essenceOf(type) === 'application/json'
  if (!isJson) throw unsupported('Send application/json or application/x-ndjson.')
  const parsed = parseJson(body)
  if ('fault' in parsed) {
    throw new WarrenError('malformed-json', {
      errors: [{ pointer: '#/body', detail: parsed.fault }],
    })
  }
  return listOf(parsed.value).map((value) => ({ value }))
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (typeof value === 'object' && value !== null) {
    if ('messages' in value && Array.isArray(value.messages)) return value.messages
    if ('payload' in value) return [value]
  }
  throw invalid(['body'], 'Must be a list of messages, or an object with the list `messages`.')
}

const unsupported = (detail: string) => new WarrenError('unsupported-media-type', { detail })
