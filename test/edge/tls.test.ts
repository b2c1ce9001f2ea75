import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { connect, type SecureVersion } from 'node:tls'
import { freePorts } from '#infra/local/ports.ts'
import type { Env } from '#lib/config.ts'
import { makeCertificate } from '../support/certificate.ts'
import { startDns } from '../support/dns.ts'
import { startEdge } from '../support/edge.ts'
import { assertProblem } from '../support/problems.ts'
import { lines, sendRaw } from '../support/raw-http.ts'
import { startUpstream } from '../support/upstream.ts'

const folder = mkdtempSync(join(tmpdir(), 'warren-certificate-'))
after(() => rmSync(folder, { recursive: true }))
const { certFile, keyFile } = makeCertificate(folder, 'edge.test')
const cert = readFileSync(certFile)

test('with TLS, the plain port sends callers to the TLS port and keeps method, path and query', async (t) => {
  const { edge } = await startTlsEdge(t, { TLS_PUBLIC_PORT: '443' })
  const answer = await sendRaw(
    edge.port,
    lines(
      'POST /publish/a%2Fb?routing_key=x HTTP/1.1',
      'Host: hook.example:8080',
      'Content-Length: 0',
    ),
  )
  assert.equal(answer.status, 308)
  assert.equal(answer.headers.get('location'), 'https://hook.example/publish/a%2Fb?routing_key=x')
  assert.equal(answer.headers.get('strict-transport-security'), undefined)
})

test('behind TLS the API answers, and browsers are told to stay with HTTPS', async (t) => {
  const { tlsPort, upstream } = await startTlsEdge(t)
  const { status, headers } = await get(tlsPort, '/health')
  assert.equal(status, 200)
  assert.equal(headers['strict-transport-security'], 'max-age=31536000')
  assert.equal(upstream.received[0]?.headers['x-forwarded-proto'], 'https')
})

test('plain HTTP on the TLS port is told what is wrong', async (t) => {
  const { tlsPort } = await startTlsEdge(t)
  const answer = await sendRaw(tlsPort, lines('GET /health HTTP/1.1', 'Host: a'))
  assert.match(String(assertProblem(answer, 'invalid-request')['detail']), /HTTPS/)
})

test('without the redirect, for trusted networks, both ports serve', async (t) => {
  const { edge, tlsPort } = await startTlsEdge(t, { HTTP_REDIRECT: '0' })
  assert.equal((await fetch(`${edge.origin}/health`)).status, 200)
  const { status, headers } = await get(tlsPort, '/health')
  assert.equal(status, 200)
  assert.equal(headers['strict-transport-security'], undefined)
})

test('the intermediate profile speaks TLS 1.2 and 1.3, the old one also 1.0 and 1.1', async (t) => {
  const { tlsPort: intermediate } = await startTlsEdge(t)
  const { tlsPort: old } = await startTlsEdge(t, { TLS_PROFILE: 'old' })
  const versions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const
  const spoken = (port: number) => Promise.all(versions.map((version) => speaks(port, version)))
  assert.deepEqual(await spoken(intermediate), [false, false, true, true])
  assert.deepEqual(await spoken(old), [true, true, true, true])
})

test('an https upstream is verified, asked for by its name, and reached below its path', async (t) => {
  const tls = { cert, key: readFileSync(keyFile) }
  const upstream = await startUpstream(t, { tls })
  const dns = await startDns(t)
  dns.add('edge.test')
  dns.add('other.test')
  const through = async (name: string) => {
    const API_URL = `https://${name}:${upstream.port}/prod`
    const env = { API_URL, RESOLVERS: dns.address, UPSTREAM_CA_FILE: certFile }
    const edge = await startEdge(t, env)
    return (await fetch(`${edge.origin}/publish/a%2Fb?x=1`)).status
  }
  assert.equal(await through('edge.test'), 200)
  assert.equal(upstream.received[0]?.url, '/prod/publish/a%2Fb?x=1')
  assert.equal(upstream.received[0]?.headers.host, `edge.test:${upstream.port}`)
  assert.equal(await through('other.test'), 502)
  assert.equal(upstream.received.length, 1)
})

async function startTlsEdge(t: TestContext, env: Env = {}) {
  const upstream = await startUpstream(t)
  const [tlsPort] = (await freePorts(1)) as [number]
  const edge = await startEdge(t, {
    API_URL: `http://127.0.0.1:${upstream.port}`,
    TLS_CERT_FILE: certFile,
    TLS_KEY_FILE: keyFile,
    TLS_PORT: String(tlsPort),
    ...env,
  })
  return { edge, tlsPort, upstream }
}

function get(port: number, path: string) {
  return new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, path, ca: cert, agent: false },
        (response) => {
          response.resume()
          resolve({ status: response.statusCode, headers: response.headers })
        },
      )
      sent.on('error', reject)
      sent.end()
    },
  )
}

function speaks(port: number, version: SecureVersion): Promise<boolean> {
  return new Promise((resolve) => {
    const ciphers = 'DEFAULT@SECLEVEL=0'
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: cert,
      minVersion: version,
      maxVersion: version,
      ciphers,
    })
    const end = (spoken: boolean) => {
      socket.destroy()
      resolve(spoken)
    }
    socket.on('secureConnect', () => end(socket.getProtocol() === version))
    socket.on('error', () => end(false))
  })
}
