import { createHash } from 'node:crypto'

/** What is sent: bytes that a program which decodes and encodes them would change. */
export interface Body {
  readonly name: 'JSON' | 'XML' | 'form' | 'binary' | 'BOM'
  /** The file that the snippets read. */
  readonly file: string
  readonly type: string
  readonly bytes: Buffer
}

/** Above 64 KiB, so that no client, kernel or proxy has it in one piece. */
const BINARY_BYTES = 100_003

export const BODIES: readonly Body[] = [
  {
    name: 'JSON',
    file: 'message.json',
    type: 'application/json',
    bytes: Buffer.from(
      '{"n": 12345678901234567890, "e": 1.10, "twice": 1, "twice": 2, "text": "Grüße, 世界 🐇"}\n',
    ),
  },
  {
    name: 'XML',
    file: 'message.xml',
    type: 'text/xml; charset=ISO-8859-1',
    bytes: Buffer.from(
      '<?xml version="1.0" encoding="ISO-8859-1"?>\r\n<name>José Müller</name>\r\n',
      'latin1',
    ),
  },
  {
    name: 'form',
    file: 'message.txt',
    type: 'application/x-www-form-urlencoded',
    bytes: Buffer.from('name=Jos%C3%A9+M%fcller&sum=1+%2B+1&empty=&empty'),
  },
  {
    name: 'binary',
    file: 'message.bin',
    type: 'application/octet-stream',
    bytes: binary(),
  },
  {
    name: 'BOM',
    file: 'message-bom.json',
    type: 'application/json; charset=utf-8',
    bytes: Buffer.from('\ufeff{"text": "Grüße"}\r\n'),
  },
]

/** Every byte there is, and then what no compression or text survives. */
function binary(): Buffer {
  const blocks = [Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))]
  for (let length = 256; length < BINARY_BYTES; length += 32) {
    blocks.push(createHash('sha256').update(String(length)).digest())
  }
  return Buffer.concat(blocks).subarray(0, BINARY_BYTES)
}

/** SHA-256, as hexadecimal digits. */
export const sha256 = (bytes: Buffer | string): string =>
  createHash('sha256').update(bytes).digest('hex')
