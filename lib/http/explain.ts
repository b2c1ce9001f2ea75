import { type Outcome, PROBLEMS, type ProblemCode, type ProblemRow } from '#lib/errors.ts'

/** A row of the status table in sentences, for a person who has never seen it. */
export interface Explanation {
  readonly code: ProblemCode
  readonly status: number
  readonly title: string
  /** What is known of the message. */
  readonly published: string
  /** What to do. */
  readonly advice: string
  /** Whether to send it again, and how. */
  readonly again: string
  /** When its answers are not all alike: which they are. */
  readonly varies?: string
}

const PUBLISHED: Readonly<Record<Outcome, string>> = {
  'not-published': 'Nothing was published: no queue has the message because of this request.',
  unknown: 'It is not known whether the message was published: a queue may have it, or not.',
  partial: 'A part may have been published: some queues may have it, others do not.',
}

const VARIES: Readonly<Partial<Record<ProblemCode, string>>> = {
  'batch-incomplete':
    'It is what its messages are. 422 and not retryable: none of them is worth sending again. Outcome `not-published`: it is certain that none got through.',
  'gateway-lost': '504: the answer did not come in time. 502: the connection ended without one.',
}

/** What a problem means and what to do, from the status table. */
export function explain(code: ProblemCode): Explanation {
  const row: ProblemRow = PROBLEMS[code]
  const { status, title, detail } = row
  const varies = VARIES[code]
  return {
    code,
    status,
    title,
    published: PUBLISHED[row.outcome],
    advice: detail,
    again: again(row),
    ...(varies === undefined ? {} : { varies }),
  }
}

function again({ retryable, outcome, retryAfterS }: ProblemRow): string {
  if (!retryable) return 'No. The same request would get the same answer.'
  const when = retryAfterS === undefined ? '' : ' after the seconds in `Retry-After`'
  if (outcome === 'not-published') return `Yes${when}.`
  return `Yes${when}, with the same \`Idempotency-Key\` (or \`message_id\`): consumers recognise by it a message that came twice.`
}
