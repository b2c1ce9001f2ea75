import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { type Asset, readAssets } from '#functions/docs/assets.ts'
import { createDocs } from '#functions/docs/docs.ts'
import { handler } from '#functions/docs/handler.ts'
import { assertDocumented } from '../support/documented.ts'
import { lambdaContext, restEvent } from '../support/events.ts'
import { recordedLog, request, type Values } from '../support/requests.ts'

const docs = createDocs(recordedLog().log)
const get = async (path: string, headers: Values = {}) => {
  const answer = await docs(request({ method: 'GET', path, headers }))
  const { status, headers: fields, body } = answer
  assertDocumented('GET', path, { status, contentType: fields['content-type'] ?? '', body })
  return answer
}

/** The files that the page loads, relative to it. */
async function loadedBy(path: string): Promise<readonly string[]> {
  const { body } = await get(path)
  return [...String(body).matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, target]) => String(target))
}

describe('the page', () => {
  for (const path of ['/docs', '/docs/']) {
    test(`at ${path} loads what is there, and nothing from elsewhere`, async () => {
      const targets = (await loadedBy(path)).filter((target) => target !== 'data:,')
      assert.equal(targets.length, 5)
      for (const stage of ['', '/dev']) {
        const base = `https://warren.example${stage}`
        for (const target of targets) {
          const { href } = new URL(target, base + path)
          assert.ok(href.startsWith(base), href)
          const name = href.slice(base.length)
          if (name !== '/openapi.json') assert.equal((await get(name)).status, 200, name)
        }
      }
    })
  }

  test('allows its own origin, no code in the page, and no frame around it', async () => {
    const { headers } = await get('/docs')
    const policy = headers['content-security-policy'] ?? ''
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.doesNotMatch(policy, /unsafe|https?:|\*/)
  })
})

describe('a file of the page', () => {
  const NAME = 'swagger-ui-bundle.js'
  const original = readFileSync(`node_modules/swagger-ui-dist/${NAME}`)

  test('is the one of the package, compressed for whoever takes that', async () => {
    const plain = await get(`/docs/${NAME}`)
    assert.deepEqual([plain.headers['content-encoding'], plain.body], [undefined, original])
    const zipped = await get(`/docs/${NAME}`, { 'accept-encoding': 'br, gzip' })
    assert.equal(zipped.headers['content-encoding'], 'gzip')
    assert.deepEqual(gunzipSync(zipped.body), original)
    assert.ok(zipped.body.length < original.length / 3)
  })

  for (const [accepted, isZipped] of [
    ['gzip', true],
    ['GZIP;q=0.5', true],
    ['x-gzip', true],
    ['gzip;q=0', false],
    ['gzip; q=0.000', false],
    ['gzip;q=0.01', true],
    ['br', false],
    ['gzipped', false],
    ['', false],
  ] as const) {
    test(`is ${isZipped ? '' : 'not '}compressed for "${accepted}"`, async () => {
      const { headers } = await get('/docs/docs.js', { 'accept-encoding': accepted })
      assert.equal(headers['content-encoding'] === 'gzip', isZipped)
      assert.equal(headers['vary'], 'Accept-Encoding')
    })
  }

  for (const path of ['/docs/nope', '/docs/constructor', '/docs/a/docs.js', '/docs/package.json']) {
    test(`is not at ${path}`, async () => assert.equal((await get(path)).status, 404))
  }
})

test('where the package is not installed there is no page, and the log says why', async () => {
  const { log, lines } = recordedLog()
  const none = createDocs(log, () => Promise.reject(new Error('Cannot find module')))
  for (const path of ['/docs', '/docs/docs.js']) {
    assert.equal((await none(request({ method: 'GET', path }))).status, 404)
  }
  assert.match(String(lines[0]?.['err']), /Cannot find module/)
})

test('API Gateway gets the page as text and its files as base64', async () => {
  const page = await handler(
    restEvent({ method: 'GET', resource: '/docs', path: '/docs' }),
    lambdaContext(),
  )
  assert.deepEqual([page.statusCode, page.isBase64Encoded], [200, false])
  const file = await handler(
    restEvent({ method: 'GET', resource: '/docs/{asset}', path: '/docs/docs.css' }),
    lambdaContext(),
  )
  assert.deepEqual([file.statusCode, file.isBase64Encoded], [200, true])
  const { plain } = (await readAssets()).get('docs.css') as Asset
  assert.deepEqual(Buffer.from(file.body, 'base64'), plain)
})
