import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect, createServer, type SecureVersion } from 'node:tls'
import { startTap, tlsVersion } from '../clients/tap.ts'
import { makeCertificate } from '../support/certificate.ts'
import { lastFirst } from '../support/ending.ts'

/** What the tap says of a client that trusts nobody. */
async function chosen(t: TestContext, client: SecureVersion, server: SecureVersion) {
  const ending = lastFirst(t)
  const folder = mkdtempSync(join(tmpdir(), 'warren-certificate-'))
  ending.after(() => rmSync(folder, { recursive: true }))
  const { certFile, keyFile } = makeCertificate(folder, 'edge.test')
  const listening = createServer({
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    minVersion: server,
  }).listen(0, '127.0.0.1')
  ending.after(() => listening.close())
  listening.on('tlsClientError', () => {})
  await once(listening, 'listening')
  const tap = await startTap(ending, (listening.address() as AddressInfo).port)
  const socket = connect({ host: '127.0.0.1', port: tap.port, maxVersion: client })
  await assert.rejects(once(socket, 'secureConnect'))
  return tlsVersion(tap.answered())
}

test('the version that a server chose is seen, though the client does not trust it', async (t) => {
  assert.equal(await chosen(t, 'TLSv1.3', 'TLSv1.2'), 'TLS 1.3')
  assert.equal(await chosen(t, 'TLSv1.2', 'TLSv1.2'), 'TLS 1.2')
})

test('a refusal is no version', async (t) => {
  assert.equal(await chosen(t, 'TLSv1.2', 'TLSv1.3'), undefined)
})

test('neither is silence', () => {
  assert.equal(tlsVersion(Buffer.alloc(0)), undefined)
})
