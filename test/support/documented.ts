import assert from 'node:assert/strict'
import { openApi } from '#lib/http/openapi.ts'
import { faultsOf, type Schema } from './json-schema.ts'

/** An answer as any client gets it. */
export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer | string
}

interface Operation {
  readonly responses: Readonly<Record<string, Documented | undefined>>
}
interface Documented {
  readonly content: Readonly<Record<string, { readonly schema: Schema } | undefined>>
}

const schemas = openApi.components.schemas
const PATHS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = openApi.paths

/** Where nothing is, or not by this method: only these may be answered. */
const NOTHING_THERE: Operation = {
  responses: Object.fromEntries(
    [400, 403, 404, 405, 408, 413, 414, 429, 431, 500, 502, 503, 504].map((status) => [
      status,
      {
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    ]),
  ),
}

/** Checks that the document knows this answer: its status, its media type and its form. */
export function assertDocumented(method: string, target: string, answer: Answer): void {
  // A browser's question, which is no use of the interface.
  if (method === 'OPTIONS' && answer.status === 204 && answer.body.length === 0) return
  const { responses } = operationOf(method, target)
  const what = `${method} ${target} ${answer.status}`
  const response = responses[answer.status] ?? assert.fail(`${what} is not documented`)
  const [type = ''] = answer.contentType.split(';')
  const media = response.content[type] ?? assert.fail(`${what} ${type} is not documented`)
  if (method === 'HEAD') return
  const text = answer.body.toString()
  const value = type.endsWith('json') ? JSON.parse(text) : text
  assert.deepEqual(faultsOf(value, media.schema, { path: '', schemas }), [], `${what}: ${text}`)
}

function operationOf(method: string, target: string): Operation {
  // nginx takes the absolute form, too.
  const [path = ''] = target.replace(/^https?:\/\/[^/]*/i, '').split('?')
  const documented = Object.keys(PATHS).find((template) => {
    const [prefix = '', name] = template.split(/[{}]/)
    return name === undefined ? path.replace(/\/$/, '') === prefix : path.startsWith(prefix)
  })
  return PATHS[documented ?? '']?.[method.toLowerCase()] ?? NOTHING_THERE
}
