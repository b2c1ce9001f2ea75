import { type HttpResponse, jsonResponse } from '#lib/http/response.ts'

/** Says that the API answers: GET /health. Never touches the broker. */
export const health = (): HttpResponse => jsonResponse(200, { status: 'ok' })
