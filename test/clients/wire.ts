import { BODIES, type Body } from './bodies.ts'
import { type Client, canSend } from './clients.ts'
import { type Fronts, PATH, TLS_PROFILES, type TlsProfile } from './fronts.ts'
import { runSnippet, valuesOf } from './snippet.ts'
import { framingOf, headOf, type Tap, tlsVersion } from './tap.ts'

/** What the client sends, as it is on the wire. */
export interface Wire {
  /** For instance `HTTP/1.1, chunked, Expect (answer 100)`. */
  readonly framing: string
  /** By the edge's profile, which version was chosen; absent when none was. */
  readonly tls: Readonly<Partial<Record<TlsProfile, string>>>
}

/** The largest first: a client may frame it otherwise than a small one. */
const BY_SIZE = BODIES.toSorted((a, b) => b.bytes.length - a.bytes.length)

/**
 * Sends a body to each tap, and looks at the bytes.
 * @throws {Error} when the client does not show what it is there for, e.g. HTTP/1.0
 */
export async function observeWire(client: Client, fronts: Fronts, folder: string): Promise<Wire> {
  const { taps, token, take } = fronts
  const body = BY_SIZE.find((each) => canSend(client, each)) as Body
  const send = ({ port }: Tap, scheme: string) =>
    runSnippet(client, valuesOf(body, `${scheme}://127.0.0.1:${port}${PATH}`, token), folder)
  await send(taps.plain, 'http')
  const head = headOf(taps.plain.sent())
  if (client.wire?.test(head) === false) {
    throw new Error(`${client.name} does not send what it is there for:\n${head}`)
  }
  const tls: Partial<Record<TlsProfile, string>> = {}
  for (const profile of TLS_PROFILES) {
    await send(taps[profile], 'https')
    const version = tlsVersion(taps[profile].answered())
    if (version !== undefined) tls[profile] = version
  }
  await take() // What came through is none of what is compared.
  return { framing: framingOf(head, taps.plain.answered()), tls }
}
