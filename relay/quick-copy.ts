import { flagOf, layoutOf, PROPERTY } from '#lib/amqp/raw-properties.ts'
import { hasNameLike } from '#lib/amqp/raw-table.ts'

const USER_ID = flagOf(PROPERTY.userId)
const HEADERS = flagOf(PROPERTY.headers)
const DELIVERY_MODE = flagOf(PROPERTY.deliveryMode)
const PERSISTENT = 2
/** Every header that a copy changes begins so: `x-…`, `CC`, `BCC`. */
const CHANGED = ['x', 'C', 'B'].map((letter) => letter.charCodeAt(0))
const LENGTH_BYTES = 4

/**
 * The copy of a message of which nothing needs a change: in one piece, with the stamps behind its
 * headers and persistent. It takes a tenth of the time of taking all apart (measured), and is the same
 * to the byte.
 * @param stamps entries of the header table
 * @returns undefined for every other message
 */
export function quickCopy(properties: Buffer, stamps: Buffer): Buffer | undefined {
  const layout = layoutIfPlain(properties)
  if (layout === undefined) return undefined
  const { flags, headersStart, headersEnd, restStart } = layout
  const entriesBytes = Math.max(0, headersEnd - headersStart - LENGTH_BYTES)
  const tableBytes = LENGTH_BYTES + entriesBytes + stamps.length
  const copy = Buffer.allocUnsafe(headersStart + tableBytes + 1 + properties.length - restStart)
  copy.writeUInt16BE(flags | HEADERS | DELIVERY_MODE)
  properties.copy(copy, 2, 2, headersStart)
  let offset = copy.writeUInt32BE(entriesBytes + stamps.length, headersStart)
  offset += properties.copy(copy, offset, headersEnd - entriesBytes, headersEnd)
  offset += stamps.copy(copy, offset)
  copy[offset] = PERSISTENT
  properties.copy(copy, offset + 1, restStart)
  return copy
}

function layoutIfPlain(properties: Buffer) {
  try {
    const layout = layoutOf(properties)
    const { flags, headersStart, headersEnd } = layout
    if ((flags & USER_ID) !== 0) return undefined
    const changes = hasNameLike(properties, headersStart + LENGTH_BYTES, headersEnd, CHANGED)
    return changes ? undefined : layout
  } catch {
    return undefined // Taking it apart will say what is wrong.
  }
}
