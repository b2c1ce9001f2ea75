import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { SCRIPT, STYLE } from './page.ts'

/** A file that the page loads. */
export interface Asset {
  readonly type: string
  readonly plain: Buffer
  readonly gzipped: Buffer
}

export type Assets = ReadonlyMap<string, Asset>

const JS = 'text/javascript; charset=utf-8'
const CSS = 'text/css; charset=utf-8'

/** Files of the package swagger-ui-dist; serverless.yml puts the same into the function's zip. */
const OF_SWAGGER_UI = {
  'swagger-ui-bundle.js': JS,
  // The script's first line refers to it.
  'swagger-ui-bundle.js.LICENSE.txt': 'text/plain; charset=utf-8',
  'swagger-ui.css': CSS,
}

/**
 * Reads and compresses all files of the page, off the main thread.
 * @throws {Error} swagger-ui-dist is not installed, as in an image without what development needs
 */
export async function readAssets(): Promise<Assets> {
  // Found beside the checkout's packages as beside a Lambda's one file.
  const { resolve } = createRequire(import.meta.filename)
  const read = Object.entries(OF_SWAGGER_UI).map(([name, type]) =>
    readFile(resolve(`swagger-ui-dist/${name}`)).then((plain) => toAsset(name, type, plain)),
  )
  const own = [
    toAsset('docs.js', JS, Buffer.from(SCRIPT)),
    toAsset('docs.css', CSS, Buffer.from(STYLE)),
  ]
  return new Map(await Promise.all([...read, ...own]))
}

async function toAsset(name: string, type: string, plain: Buffer): Promise<[string, Asset]> {
  return [name, { type, plain, gzipped: await promisify(gzip)(plain) }]
}
