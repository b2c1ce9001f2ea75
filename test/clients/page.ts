import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '#infra/local/settings.ts'
import { BODIES } from './bodies.ts'
import { CLIENTS, type Client } from './clients.ts'
import { FAMILIES, type Family } from './families.ts'
import { FRONTS } from './fronts.ts'
import { type ClientRecord, type ClientsReport, clientsVerdict } from './report.ts'

export const PAGE = join(ROOT, 'docs', 'clients.md')

/** What the page is made from, beside the snippets. */
export interface ClientsRun {
  /** RFC 3339, in UTC. */
  readonly at: string
  readonly machine: { readonly system: string }
  readonly report: ClientsReport
}

/** The run that the evidence keeps. @throws {Error} when there is none */
export const readRun = (): ClientsRun =>
  JSON.parse(readFileSync(join(ROOT, 'docs', 'evidence', 'clients.json'), 'utf8'))

/** docs/clients.md. */
export const clientsPage = (run: ClientsRun): string =>
  [introduction(run), matrix(run.report), TLS, ...FAMILIES.map(section)].join('\n')

const binaryBytes = BODIES.find(({ name }) => name === 'binary')?.bytes.length

const introduction = ({ at, machine, report }: ClientsRun) => `\
<!-- Made by \`npm run clients -- --docs\` from docs/evidence/clients.json (\`npm run evidence -- clients\`), test/clients/families.ts
     and test/clients/snippets: change those. -->
# HTTP clients: lines to copy, for each

Each of these programs sends the file \`message.json\` to what \`npm start\` runs. Put your address, token, type
and file in their places. They print the answer and do nothing else: what to do with it is in
[api.md](api.md#what-to-do-on-each-answer), and how to send again, in four languages, too.

All of them ran, as they stand here, on ${at.slice(0, 10)} (${machine.system}):
**${clientsVerdict(report)}**.

A cell is one client before one of gateway, \`serverless offline\` and edge. In each it sends JSON, XML in
ISO-8859-1, a form, ${binaryBytes} bytes of binary, and JSON in UTF-8 with a byte order mark. It is identical when,
for each of them, the client was answered \`200\`, exactly one message is in the queue, the SHA-256 of its body and
its content type are those that were sent, and its \`message_id\` is the one in the answer. To see it for yourself:

\`\`\`sh
npm run clients -- --install
\`\`\`

Without \`--install\` nothing is installed; what is missing is then named, and counts as not identical.
`

function matrix({ clients, rows }: ClientsReport): string {
  const line = ({ name, version, framing, tls }: ClientRecord) => {
    const counts = FRONTS.map((front) => {
      const row = rows.find(({ subject, setting }) => subject === name && setting === front)
      return `${row?.median} ${row?.unit}`
    })
    return `| ${[name, version, ...counts, framing, tls.intermediate ?? 'none', tls.old ?? 'none'].join(' | ')} |`
  }
  const head = ['client', 'version', ...FRONTS, 'on the wire', 'TLS chosen', 'with `old`']
  return `${[`| ${head.join(' | ')} |`, `|${' --- |'.repeat(head.length)}`, ...clients.map(line)].join('\n')}\n`
}

const TLS = `\
## TLS

An edge that is called by \`https\` has one of two profiles (\`TLS_PROFILE\`):

- \`intermediate\`, unless it is told otherwise: TLS 1.2 and 1.3, with ECDHE and AES-GCM or ChaCha20-Poly1305;
- \`old\`: TLS 1.0 and 1.1 and CBC as well, for clients that know no better.

The last two columns above are the versions that a real edge of either profile and the client agreed on. From which
version on that is so, the sections below say. A client that speaks neither can be let in by plain HTTP, in a network
that is trusted: \`HTTP_REDIRECT=0\` leaves the plain port open.
`

function section(family: Family): string {
  const clients = CLIENTS.filter((client) => client.family === family)
  return [`## ${family.title}`, '', `TLS: ${family.tls}`, '', ...clients.map(snippet)].join('\n')
}

const snippet = ({ title, says, packages, snippet: text, family }: Client): string => `\
### ${family.title}, ${title}

${[...(says === undefined ? [] : [says]), needs(packages)].join(' ')}

\`\`\`${family.fence}
${text}\`\`\`
`

const needs = (packages: readonly string[]) =>
  packages.length === 0 ? 'Nothing to install.' : `Debian: \`${packages.join('` `')}\`.`
