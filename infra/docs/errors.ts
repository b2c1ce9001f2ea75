import { PROBLEMS, type ProblemCode } from '#lib/errors.ts'
import { type Explanation, explain } from '#lib/http/explain.ts'
import { statusesOf } from '#lib/http/openapi-problems.ts'

const CODES = Object.keys(PROBLEMS) as readonly ProblemCode[]

const INTRODUCTION = `<!-- Made by \`npm run docs\` from lib/errors.ts and lib/http/explain.ts: change those. -->
# Errors: what each means and what to do

Every answer that is not a success is a problem (RFC 9457, \`application/problem+json\`):

| member | meaning |
| --- | --- |
| \`type\` | \`/problems/<code>\`: at this address it is explained as here |
| \`title\` \`status\` \`code\` | as in the table below; programs decide by \`outcome\` and \`retryable\`, not by \`title\` |
| \`detail\` | for a person: what to do about this one |
| \`instance\` | the request's id; the operator finds it in the log |
| \`outcome\` | what is known of the message: \`not-published\`, \`unknown\` or \`partial\` |
| \`retryable\` | whether sending the same again can help |
| \`exchange\` \`messageId\` | of the message, as far as they were known |
| \`maxBytes\` | with \`body-too-large\`: how large a body may be |
| \`errors\` | with a request that is not valid: everything that is wrong, each with a \`pointer\` to it |
| \`results\` | with \`batch-incomplete\`: what became of each message |

An answer of 5xx without \`outcome\` comes from something in between and means \`unknown\`; a 4xx without one
means \`not-published\`. How to send again, in four languages: [api.md](api.md#send-again).
`

/** docs/errors.md. */
export const errorsDocument = (): string =>
  [INTRODUCTION, overview(), ...CODES.map((code) => section(code, explain(code)))].join('\n')

function overview(): string {
  const rows = CODES.map((code) => {
    const { title, outcome, retryable } = PROBLEMS[code]
    return `| ${statusesOf(code).join(', ')} | [\`${code}\`](#${code}) | ${title} | ${outcome} | ${retryable ? 'yes' : 'no'} |`
  })
  const head = [
    '| status | code | meaning | outcome | retryable |',
    '| --- | --- | --- | --- | --- |',
  ]
  return `${[...head, ...rows].join('\n')}\n`
}

const section = (
  code: ProblemCode,
  { title, published, advice, again, varies }: Explanation,
): string => `## ${code}

**${title}.** Status ${statusesOf(code).join(' or ')}.

- Was anything published? ${published}
- What to do: ${advice}
- Send it again? ${again}
${varies === undefined ? '' : `- Is it always so? ${varies}\n`}`
