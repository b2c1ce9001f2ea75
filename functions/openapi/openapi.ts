import { openApi } from '#lib/http/openapi.ts'
import { type HttpResponse, jsonResponse } from '#lib/http/response.ts'

const document = jsonResponse(200, openApi)

/** The interface for programs: GET /openapi.json. */
export const openapi = (): HttpResponse => document
