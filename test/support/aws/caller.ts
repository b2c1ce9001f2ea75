import { type OutgoingHttpHeaders, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Account } from './account.ts'

/** What a REST API answered. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The text as a problem or another JSON object; empty when it is none. */
  readonly json: Readonly<Record<string, unknown>>
}

export type Call = (
  method: string,
  path: string,
  options?: { readonly headers?: OutgoingHttpHeaders; readonly body?: string | Buffer },
) => Promise<Answer>

/** Calls the address that a deployment prints, at the stand-in instead of AWS. */
export function callerOf({ endpoint }: Account, url: string): Call {
  const { host, pathname } = new URL(url)
  return async (method, path, { headers = {}, body = '' } = {}) => {
    const target = `${endpoint}${pathname.replace(/\/$/, '')}${path}`
    const sent = request(target, { method, headers: { host, ...headers }, agent: false })
    const answered = new Promise<Answer>((resolve, reject) => {
      sent.once('error', reject)
      sent.once('response', (response) => {
        buffer(response).then((bytes) => {
          const text = bytes.toString()
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: parsed(text),
          })
        }, reject)
      })
    })
    sent.end(body)
    return answered
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
