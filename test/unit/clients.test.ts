import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BODIES, type Body } from '../clients/bodies.ts'
import type { Cell } from '../clients/cell.ts'
import { CLIENTS, type Client, canSend } from '../clients/clients.ts'
import { FRONTS, type Taken } from '../clients/fronts.ts'
import { judge, typeWithout } from '../clients/judge.ts'
import { clientsVerdict, exitOf, reportOf } from '../clients/report.ts'
import { fillIn, type Ran } from '../clients/snippet.ts'
import { framingOf } from '../clients/tap.ts'
import { EXIT } from '../support/report.ts'

const body = BODIES.find(({ name }) => name === 'XML') as Body
const accepted: Ran = { succeeded: true, printed: '{"status":"OK","messageId":"m1"}' }
const refused: Ran = { succeeded: true, printed: '{"status":401}' }
const sent: Taken = { content: body.bytes, contentType: body.type, messageId: 'm1' }
const judged = (ran: Ran, ...taken: Taken[]) => judge(body, body.type, ran, taken).kind

test('a body is identical when one message has its bytes, its type and the id of the answer', () => {
  assert.equal(judged(accepted, sent), 'identical')
})

test('whatever differs from what the client was told is a lie', () => {
  const decoded = Buffer.from(body.bytes.toString('latin1'))
  assert.equal(judged(accepted, { ...sent, content: decoded }), 'lie')
  assert.equal(judged(accepted, { ...sent, contentType: 'text/xml' }), 'lie')
  assert.equal(judged(accepted, { ...sent, messageId: 'm2' }), 'lie')
  assert.equal(judged(accepted, sent, sent), 'lie')
  assert.equal(judged(accepted), 'lie')
  assert.equal(judged(refused, sent), 'lie')
})

test('no message and no OK is refused, and says what was printed', () => {
  assert.equal(judged(refused), 'refused')
  const crashed = judge(body, body.type, { succeeded: false, printed: '' }, [])
  assert.equal(crashed.says, '(the client failed) it printed nothing')
})

const VALUES = {
  url: 'http://u/',
  token: 't',
  type: 'text/a$&b',
  file: 'f',
  inline: Buffer.of(233),
}

test('placeholders are replaced byte by byte, and everything else stays', () => {
  const snippet = 'ü http://127.0.0.1:8080/publish/exchange super_secret_key application/json'
  const filled = fillIn(`${snippet} message.json`, VALUES)
  assert.equal(filled.toString(), 'ü http://u/ t text/a$&b f')
  const inline = fillIn(`${snippet} {"hello": "Gonzalo"}`, VALUES)
  assert.deepEqual(inline.subarray(-2), Buffer.of(0x20, 233))
})

test('a snippet without address, token or body is none', () => {
  for (const { snippet } of CLIENTS) fillIn(snippet, VALUES)
  assert.throws(() => fillIn('http://127.0.0.1:8080/publish/exchange message.json', VALUES))
  assert.throws(() => fillIn('http://127.0.0.1:8080/publish/exchange super_secret_key', VALUES))
})

test('a client for text alone sends anything without a null byte', () => {
  const names = (client: Client) =>
    BODIES.filter((each) => canSend(client, each)).map(({ name }) => name)
  const text = CLIENTS.find(({ textOnly }) => textOnly) as Client
  assert.deepEqual(names(text), ['JSON', 'XML', 'form', 'BOM'])
  assert.equal(names(first).length, BODIES.length)
  assert.ok(CLIENTS.filter(({ textOnly }) => textOnly).length <= 2, 'the others send all')
})

test('a body without a type gets the one that curl gives it', () => {
  assert.equal(typeWithout(body), 'application/x-www-form-urlencoded')
})

test('framing is read from the head of the request', () => {
  const head = 'POST / HTTP/1.1\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n'
  const answered = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')
  assert.equal(framingOf(head, answered), 'HTTP/1.1, chunked, Expect (answer 100)')
  assert.equal(framingOf('POST / HTTP/1.0\r\n', answered), 'HTTP/1.0')
})

const [first, second] = CLIENTS as [Client, Client, ...Client[]]

function reportWith(kind: Cell['findings'][number]['kind'], absent: readonly Client[] = []) {
  const cells = FRONTS.map((front) => ({
    client: first,
    front,
    findings: [{ body: 'XML', kind: front === 'edge' ? kind : 'identical', says: 'why' } as const],
  }))
  const wire = { framing: 'HTTP/1.1', tls: {} }
  return reportOf([{ client: first, version: '1', wire, cells }], absent)
}

test('the verdict counts cells, and names what could not run', () => {
  assert.equal(clientsVerdict(reportWith('identical')), 'clients: 3 of 3 cells identical')
  const report = reportWith('identical', [second])
  const missing = `not run (--install): ${second.name} (curl)`
  assert.equal(clientsVerdict(report), `clients: 3 of 6 cells identical; ${missing}`)
})

test('the exit status says what was found: a lie weighs most', () => {
  assert.equal(exitOf(reportWith('identical')), EXIT.met)
  assert.equal(exitOf(reportWith('refused')), EXIT.short)
  assert.equal(exitOf(reportWith('identical', [second])), EXIT.cannotRun)
  assert.equal(exitOf(reportWith('lie', [second])), EXIT.lie)
  assert.deepEqual(reportWith('lie').notes, [`${first.name}, edge, XML: lie: why`])
})
