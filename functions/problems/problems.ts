import { PROBLEMS, type ProblemCode, WarrenError } from '#lib/errors.ts'
import { explain } from '#lib/http/explain.ts'
import { htmlResponse, toHtml } from '#lib/http/html.ts'
import { decodePath } from '#lib/http/path.ts'
import type { HttpRequest } from '#lib/http/request.ts'
import { respondWith } from '#lib/http/respond.ts'
import type { HttpResponse } from '#lib/http/response.ts'
import { ROUTES } from '#lib/http/routes.ts'
import type { Log } from '#lib/log.ts'

/** Explains a problem to a person: GET /problems/{code}, where the `type` of every problem leads. */
export const createProblems = (log: Log) =>
  respondWith(async ({ path }: HttpRequest) => {
    const code = decodePath(path).slice(ROUTES.problems.path.length)
    if (isCode(code)) return page(code)
    throw new WarrenError('not-found', { detail: 'There is no problem of this name.' })
  }, log)

const isCode = (text: string): text is ProblemCode => Object.hasOwn(PROBLEMS, text)

function page(code: ProblemCode): HttpResponse {
  const { status, title, published, advice, again, varies } = explain(code)
  const answers = {
    'Was anything published?': published,
    'What to do': advice,
    'Send it again?': again,
    ...(varies === undefined ? {} : { 'Is it always so?': varies }),
  }
  const list = Object.entries(answers).map(
    ([question, text]) => `<dt>${toHtml(question)}</dt>\n<dd>${toHtml(text)}</dd>`,
  )
  return htmlResponse(
    title,
    `<h1>${toHtml(title)}</h1>\n<p>Status ${status}, code <code>${code}</code></p>\n<dl>\n${list.join('\n')}\n</dl>`,
  )
}
