import { after } from '#lib/after.ts'
import { WarrenError } from '#lib/errors.ts'
import type { Pace } from '#lib/shares.ts'
import { Cut, type CutLimits, type Item } from './batch-cut.ts'
import { readLabel } from './body.ts'
import { createFaults, type Faults, invalid } from './faults.ts'
import { bomBytes, MOST_LEVELS, opensJson, STEP, scanFault } from './json.ts'
import type { Range } from './json-scan.ts'
import { essenceOf, isFormType, isIdentity } from './media-type.ts'
import type { HttpRequest } from './request.ts'

/** One request may hold so many messages. */
export const MOST_ITEMS = 1_000

const LIMITS: CutLimits = { levels: MOST_LEVELS, items: MOST_ITEMS }

/** A message of a batch, or why a line is none. */
export type Found = Item | { readonly fault: string }

/**
 * The messages of a batch: a JSON list, `{"messages": […]}`, one envelope alone as the management API
 * takes it, or one JSON text a line. They are found, not read: no value is made of them. A bad line is
 * a message that cannot be read, and no harm to others.
 * @throws {WarrenError} unsupported-media-type, malformed-json, invalid-request: none or over 1,000
 * messages, or properties for the batch as a whole; overloaded, see {@link Pace}
 */
export async function findItems(request: HttpRequest, pace: Pace): Promise<readonly Found[]> {
  const faults = createFaults()
  refuseProperties(request, faults)
  const { type, encoding } = readLabel(request, faults)
  if (faults.count > 0) throw new WarrenError('invalid-request', { errors: faults.items })
  if (!isIdentity(encoding)) throw unsupported('A batch cannot be compressed.')
  const { body } = request
  const items = isLines(type) ? await findLines(body, pace) : await findList(body, type, pace)
  if (items.length === 0) throw invalid(['body'], 'There is no message in it.')
  if (items.length <= MOST_ITEMS) return items
  throw invalid(
    ['body'],
    `Has more than ${MOST_ITEMS} messages, which is the most for one request.`,
  )
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

/** Finds lines, up to the first one that is too many. */
async function findLines(body: Buffer, pace: Pace): Promise<Found[]> {
  const found: Found[] = []
  let at = bomBytes(body)
  while (at < body.length && found.length <= MOST_ITEMS) {
    if (pace.isDue()) await pace.next()
    const from = behindBlanks(body, at)
    if (from === body.length || isBlank(body[from])) {
      at = from
      continue
    }
    const newline = body.indexOf(NEWLINE, from)
    const end = newline < 0 ? body.length : newline
    at = end + 1
    const line = findLine(body, [from + bomBytes(body, from), end], pace)
    found.push(line instanceof Promise ? await line : line)
  }
  return found
}

const NEWLINE = 0x0a
const BLANKS = new Set([...' \t\r\n'].map((blank) => blank.charCodeAt(0)))
const isBlank = (byte: number | undefined) => byte !== undefined && BLANKS.has(byte)

/** The first byte that is no blank, or where so many were passed that the clock is to be looked at. */
function behindBlanks(body: Buffer, from: number): number {
  const most = Math.min(body.length, from + STEP)
  let at = from
  while (at < most && isBlank(body[at])) at += 1
  return at
}

function findLine(body: Buffer, range: Range, pace: Pace): Found | Promise<Found> {
  const { scan, whole } = new Cut(body, range, { ...LIMITS, isLine: true })
  return after(scanFault(scan, pace), (fault) => (fault === undefined ? whole : { fault }))
}

/** As for one message: what has no type, or the one that old clients send for everything, may be JSON. */
async function findList(
  body: Buffer,
  type: string | undefined,
  pace: Pace,
): Promise<readonly Found[]> {
  const unsaid = type === undefined || isFormType(type)
  const isJson = unsaid ? opensJson(body) : essenceOf(type) === 'application/json'
  if (!isJson) throw unsupported('Send application/json or application/x-ndjson.')
  const cut = new Cut(body, [bomBytes(body), body.length], LIMITS)
  const detail = await scanFault(cut.scan, pace)
  if (detail === undefined) return itemsOf(cut)
  throw new WarrenError('malformed-json', { errors: [{ pointer: '#/body', detail }] })
}

function itemsOf({ list, items, whole }: Cut): readonly Found[] {
  // Two lists, or what was meant for all messages: to take one and drop the rest would be a guess.
  if (list === 'messages' && whole.members > 1) {
    throw invalid(['body'], 'Nothing else may stand beside `messages`, and that only once.')
  }
  if (list !== undefined) return items
  if (whole.payload !== undefined) return [whole]
  throw invalid(['body'], 'Must be a list of messages, or an object with the list `messages`.')
}

const unsupported = (detail: string) => new WarrenError('unsupported-media-type', { detail })
