import { type Faults, pointerTo } from './faults.ts'
import { readIdempotencyKey } from './idempotency-key.ts'
import {
  type Given,
  headerOf,
  PROPERTIES,
  PROPERTY_LIST,
  PROPERTY_NAMES,
  type PropertyName,
  spellHeader,
  unknownName,
} from './properties.ts'
import { type HttpRequest, headText } from './request.ts'
import { readValue } from './values.ts'

/** A property as the caller wrote it, and where. */
interface Written {
  readonly name: PropertyName
  readonly text: string
  readonly where: readonly string[]
}

const BY_HEADER: ReadonlyMap<string, PropertyName> = new Map(
  PROPERTY_NAMES.map((name) => [headerOf(name).toLowerCase(), name]),
)
const BY_QUERY: ReadonlyMap<string, PropertyName> = new Map(
  PROPERTY_NAMES.map((name) => [name, name]),
)

/** Reads every property from headers and query; whatever is wrong goes into `faults`. */
export function readParameters(request: HttpRequest, faults: Faults): Given {
  const all = [...fromHeaders(request, faults), ...fromQuery(request, faults)]
  if (all.length === 0) return {}
  const given: Partial<Record<PropertyName, unknown>> = {}
  const seen = new Map<PropertyName, Written>()
  for (const written of all) {
    const { name, text, where } = written
    const earlier = seen.get(name)
    if (earlier === undefined) {
      seen.set(name, written)
      given[name] = readValue(PROPERTIES[name], text, where, faults)
    } else if (earlier.text !== text) {
      faults.add(where, `Differs from ${pointerTo(earlier.where)}; give one of them.`)
    }
  }
  return given as Given
}

function fromHeaders({ headers }: HttpRequest, faults: Faults): Written[] {
  const given: Written[] = []
  for (const [header, values] of headers) {
    if (header === 'idempotency-key') given.push(...fromKey(values, faults))
    if (!header.startsWith('amqp-')) continue
    const name = BY_HEADER.get(header)
    const where = ['headers', spellHeader(header)]
    if (name === undefined) faults.add(where, hintFor(header.slice('amqp-'.length)))
    else if (isSingle(values, where, faults)) given.push({ name, text: headText(values[0]), where })
  }
  return given
}

function fromQuery({ query }: HttpRequest, faults: Faults): Written[] {
  const given: Written[] = []
  for (const [parameter, values] of query) {
    const name = BY_QUERY.get(parameter)
    const where = ['query', parameter]
    if (name === undefined) faults.add(where, hintFor(parameter))
    else if (isSingle(values, where, faults)) given.push({ name, text: values[0], where })
  }
  return given
}

function fromKey(values: readonly string[], faults: Faults): Written[] {
  const where = ['headers', 'Idempotency-Key']
  if (!isSingle(values, where, faults)) return []
  const text = readIdempotencyKey(headText(values[0]))
  if (text !== undefined) return [{ name: 'message_id', text, where }]
  faults.add(where, 'Must be a quoted text like "8e03978e", or one without quotes.')
  return []
}

function isSingle(
  values: readonly string[],
  where: readonly string[],
  faults: Faults,
): values is readonly [string] {
  if (values.length === 1) return true
  faults.add(where, 'Given more than once.')
  return false
}

/** What the caller should have done instead of giving this name. */
function hintFor(name: string): string {
  const plain = name.toLowerCase().replaceAll('_', '-')
  if (plain === 'content-type') return 'Set the header Content-Type instead.'
  if (plain === 'content-encoding') return 'Set the header Content-Encoding instead.'
  return unknownName(name, PROPERTY_LIST)
}
