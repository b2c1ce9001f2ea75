import { WarrenError } from '#lib/errors.ts'
import type { HttpRequest } from '#lib/http/request.ts'
import { respondWith } from '#lib/http/respond.ts'
import { createRouter, REST_API_ROUTES } from '#lib/http/routes.ts'
import type { Log } from '#lib/log.ts'

/**
 * Answers whatever no other function is for: 400 for a bad path, 404, or 405 with `Allow`. A request
 * that does have a function (so API Gateway is wired wrongly) is 404 too.
 */
export const createFallback = (log: Log) =>
  respondWith(async ({ method, path }: HttpRequest) => {
    routeFor(method, path)
    throw new WarrenError('not-found')
  }, log)

const routeFor = createRouter(REST_API_ROUTES)
