import { WarrenError } from '#lib/errors.ts'
import { decodePath } from '#lib/http/path.ts'
import { type HttpRequest, type Multi, valuesOf } from '#lib/http/request.ts'
import { respondWith } from '#lib/http/respond.ts'
import type { AnyResponse, HttpResponse } from '#lib/http/response.ts'
import { ROUTES } from '#lib/http/routes.ts'
import { describeError, type Log } from '#lib/log.ts'
import { type Asset, type Assets, readAssets } from './assets.ts'
import { page, SECURITY_HEADERS } from './page.ts'

/**
 * The interface for people, with try-it: GET /docs, and the files of that page, GET /docs/{asset}. It
 * needs no other origin. Where its files are not installed, both are 404.
 * @param read gives the files; called at once, so that nobody waits for it
 */
export function createDocs(log: Log, read: () => Promise<Assets> = readAssets) {
  const reading = read().catch((error) => {
    log.warn({ err: describeError(error) }, 'no page of documentation')
    return undefined
  })
  return respondWith(async ({ path, headers }: HttpRequest): Promise<AnyResponse> => {
    const assets = await reading
    if (assets === undefined) throw new WarrenError('not-found', { detail: NOT_INSTALLED })
    const name = decodePath(path).slice(ROUTES.docsAsset.path.length)
    if (name === '') return page(path.endsWith('/') ? '' : 'docs/')
    const asset = assets.get(name)
    if (asset === undefined) throw new WarrenError('not-found', { detail: NO_FILE })
    return answerWith(asset, acceptsGzip(headers))
  }, log)
}

const NOT_INSTALLED = 'This installation has no such page; /openapi.json describes the interface.'
const NO_FILE = 'The page at /docs has no file of this name.'

/** An hour: after an update nobody works with old files for longer. */
const CACHE = 'private, max-age=3600'

function answerWith({ type, plain, gzipped }: Asset, zipped: boolean): HttpResponse<Buffer> {
  return {
    status: 200,
    headers: {
      ...SECURITY_HEADERS,
      'content-type': type,
      'cache-control': CACHE,
      vary: 'Accept-Encoding',
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    },
    body: zipped ? gzipped : plain,
  }
}

/** Whether a caller takes gzip (RFC 9110, 12.5.3); `q=0` says that he does not. */
function acceptsGzip(headers: Multi): boolean {
  const codings = valuesOf(headers, 'accept-encoding').join(',').toLowerCase().split(',')
  return codings.some((coding) => /^\s*(x-)?gzip\s*(;(?!\s*q=0(\.0*)?\s*$).*)?$/.test(coding))
}
