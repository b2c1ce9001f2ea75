import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'

/** What a custom resource's function says came of a request. */
export interface Answer {
  readonly Status?: 'SUCCESS' | 'FAILED'
  readonly Reason?: string
  readonly PhysicalResourceId?: unknown
  readonly Data?: Readonly<Record<string, unknown>>
}

/** By request; undefined until it comes. */
const answers = new Map<string, Answer | undefined>()

export const expectAnswer = (requestId: string): void => void answers.set(requestId, undefined)

/** What came, if anything; asked once. */
export function answerTo(requestId: string): Answer | undefined {
  const answer = answers.get(requestId)
  answers.delete(requestId)
  return answer
}

/** Takes what functions PUT; whether it was one of theirs. */
export async function takeAnswer(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const [, id = ''] = /^\/custom-resource-answers\/([\w-]+)\?/.exec(request.url ?? '') ?? []
  if (request.method !== 'PUT' || id === '') return false
  // S3 signs for an empty content type: another one is refused.
  const refused = Boolean(request.headers['content-type']) || !answers.has(id)
  const answer = await json(request)
  if (!refused) answers.set(id, answer as Answer)
  response.writeHead(refused ? 403 : 200)
  response.end()
  return true
}
