import assert from 'node:assert/strict'
import { crc32, inflateRawSync } from 'node:zlib'

const END = 0x06054b50
const CENTRAL = 0x02014b50
const LOCAL = 0x04034b50

/** The files of an archive by name, read by its directory, as unzip does; checks every checksum. */
export function unzip(archive: Buffer): ReadonlyMap<string, Buffer> {
  const end = archive.length - 22
  assert.equal(archive.readUInt32LE(end), END, 'an archive without a comment')
  const count = archive.readUInt16LE(end + 10)
  let at = archive.readUInt32LE(end + 16)
  const files = new Map<string, Buffer>()
  for (let i = 0; i < count; i += 1) {
    assert.equal(archive.readUInt32LE(at), CENTRAL)
    const nameLength = archive.readUInt16LE(at + 28)
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
    files.set(name, read(archive, at))
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
  }
  assert.equal(at, end, 'the directory ends where the end begins')
  return files
}

/** @param at where the file's entry in the directory is */
function read(archive: Buffer, at: number): Buffer {
  const local = archive.readUInt32LE(at + 42)
  assert.equal(archive.readUInt32LE(local), LOCAL)
  // Both headers describe the file alike, from the version that is needed to the lengths.
  assert.deepEqual(archive.subarray(local + 4, local + 28), archive.subarray(at + 6, at + 30))
  const data = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
  const content = inflateRawSync(archive.subarray(data, data + archive.readUInt32LE(at + 20)))
  assert.equal(content.length, archive.readUInt32LE(at + 24))
  assert.equal(crc32(content), archive.readUInt32LE(at + 16))
  return content
}
