import { crc32, deflateRawSync } from 'node:zlib'

/** A file of an archive. */
export interface ZipEntry {
  readonly name: string
  readonly content: Buffer
}

// APPNOTE.TXT 4.3 and 4.4.
const LOCAL_HEADER = 0x04034b50
const CENTRAL_HEADER = 0x02014b50
const END_OF_DIRECTORY = 0x06054b50
const VERSION_NEEDED = 20
const MADE_BY_UNIX = (3 << 8) | VERSION_NEEDED
const UTF8_NAME = 1 << 11
const DEFLATED = 8
/** 1980-01-01 00:00, the first date that the format knows: the same files give the same bytes. */
const DATE = (1 << 5) | 1
const TIME = 0
/** A regular file that everybody may read: Lambda runs as a user of its own. */
const ATTRIBUTES = 0o100644 * 0x10000

/** An archive of these files: equal bytes for equal files, whenever and wherever it is made. */
export function zip(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, content } of entries) {
    const path = Buffer.from(name)
    const data = deflateRawSync(content, { level: 9 })
    const description = describe(path, content, data)
    const local = Buffer.concat([uint32(LOCAL_HEADER), description, path, data])
    directory.push(centralHeader(description, path, offset))
    files.push(local)
    offset += local.length
  }
  const central = Buffer.concat(directory)
  return Buffer.concat([...files, central, endOfDirectory(entries.length, central.length, offset)])
}

/** The fields that both headers of a file have in common. */
function describe(path: Buffer, content: Buffer, data: Buffer): Buffer {
  return Buffer.concat([
    uint16(VERSION_NEEDED, UTF8_NAME, DEFLATED, TIME, DATE),
    uint32(crc32(content), data.length, content.length),
    uint16(path.length, 0),
  ])
}

function centralHeader(description: Buffer, path: Buffer, offset: number): Buffer {
  return Buffer.concat([
    uint32(CENTRAL_HEADER),
    uint16(MADE_BY_UNIX),
    description,
    uint16(0, 0, 0),
    uint32(ATTRIBUTES, offset),
    path,
  ])
}

function endOfDirectory(count: number, size: number, offset: number): Buffer {
  return Buffer.concat([
    uint32(END_OF_DIRECTORY),
    uint16(0, 0, count, count),
    uint32(size, offset),
    uint16(0),
  ])
}

function uint16(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(2 * values.length)
  values.forEach((value, i) => {
    buffer.writeUInt16LE(value, 2 * i)
  })
  return buffer
}

function uint32(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length)
  values.forEach((value, i) => {
    buffer.writeUInt32LE(value, 4 * i)
  })
  return buffer
}
