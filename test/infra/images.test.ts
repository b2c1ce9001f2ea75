import assert from 'node:assert/strict'
import { appendFile, chmod, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { IMAGES, type ImageName, imageTag } from '#infra/aws/images.ts'
import { endOfFile } from '../support/ending.ts'

const CHECKOUT = join(import.meta.dirname, '..', '..')
const ending = endOfFile()
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'warren-images-'))
  ending.after(() => rm(folder, { recursive: true }))
  for (const name of ['package.json', 'package-lock.json', 'infra', 'lib', 'relay']) {
    await cp(join(CHECKOUT, name), join(folder, name), { recursive: true })
  }
})

const tags = () =>
  Object.fromEntries(
    Object.keys(IMAGES).map((image) => [image, imageTag(image as ImageName, folder)]),
  )

/** The images whose tags a change of this file changes. */
async function changedBy(change: () => Promise<void>): Promise<string[]> {
  const old = tags()
  await change()
  return Object.entries(tags()).flatMap(([image, tag]) => (tag === old[image] ? [] : [image]))
}

test('the same files give the same tag, wherever they are', () => {
  for (const image of Object.keys(IMAGES) as ImageName[]) {
    assert.match(imageTag(image), /^[0-9a-f]{20}$/)
    assert.equal(imageTag(image, folder), imageTag(image))
  }
})

const CHANGES: readonly [file: string, images: readonly string[]][] = [
  ['relay/main.ts', ['relay']],
  ['relay/Dockerfile', ['relay']],
  ['lib/errors.ts', ['relay', 'edge']],
  ['package-lock.json', ['relay', 'edge']],
  ['infra/strip-types.ts', ['relay', 'edge']],
  ['infra/edge/tls.ts', ['edge']],
  ['infra/edge/Dockerfile', ['edge']],
  ['infra/relays.yml', []],
  ['infra/index.ts', []],
]
for (const [file, images] of CHANGES) {
  test(`another ${file} makes another image of: ${images.join(', ') || 'none'}`, async () => {
    assert.deepEqual(await changedBy(() => appendFile(join(folder, file), '\n')), images)
  })
}

test('whether a file may be run is a part of the image', async () => {
  assert.deepEqual(await changedBy(() => chmod(join(folder, 'infra/healthy'), 0o644)), ['relay'])
})
