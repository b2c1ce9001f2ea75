import type { PublishRequest } from '#functions/publish/publish.ts'
import type { Publisher } from '#lib/amqp/message.ts'
import { respondWith } from '#lib/http/respond.ts'
import { jsonResponse } from '#lib/http/response.ts'
import type { Log } from '#lib/log.ts'

export interface ReadyDeps {
  readonly publisher: Pick<Publisher, 'ready' | 'noteActivity'>
  readonly log: Log
}

/** Says whether a message could be published now: GET /health/ready; else the problem that it would meet. */
export const createReady = ({ publisher, log }: ReadyDeps) =>
  respondWith(async ({ deadline }: PublishRequest) => {
    publisher.noteActivity()
    await publisher.ready(deadline)
    return jsonResponse(200, { status: 'ready' })
  }, log)
