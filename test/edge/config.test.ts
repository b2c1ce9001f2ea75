import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { renderNginxConf } from '#infra/edge/nginx-conf.ts'
import { readEdge } from '#infra/edge/settings.ts'
import type { Env } from '#lib/config.ts'
import { makeCertificate } from '../support/certificate.ts'
import { checkEdge } from '../support/edge.ts'

const folder = mkdtempSync(join(tmpdir(), 'warren-certificate-'))
after(() => rmSync(folder, { recursive: true }))
const { certFile, keyFile } = makeCertificate(folder, 'edge.test')
const tls = { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }

const SETTINGS: Readonly<Record<string, Env>> = {
  'the defaults': {},
  'the console and a trusted proxy': {
    CONSOLE_ENABLED: '1',
    CONSOLE_ALLOW: '10.0.0.0/8, fd00::/8, 192.0.2.7',
    TRUSTED_PROXIES: '10.1.2.3 fd00::3',
    REAL_IP_HEADER: 'X-Real-IP',
  },
  'rates and connections': {
    RATE_PER_TOKEN: '200',
    RATE_PER_ADDRESS: '200',
    CONNECTIONS_PER_ADDRESS: '10',
  },
  'no limit at all': { CONNECTIONS_PER_ADDRESS: '0' },
  'TLS with a redirect': tls,
  'TLS for old clients, and plain HTTP beside it': {
    ...tls,
    TLS_PROFILE: 'old',
    HTTP_REDIRECT: '0',
  },
  'names that do not resolve': {
    API_URL: 'http://gateway.nowhere.invalid:3000',
    CONSOLE_URL: 'http://rabbit.nowhere.invalid:15672',
    CONSOLE_ENABLED: 'yes',
    RESOLVERS: '127.0.0.11, [::1]:5353',
  },
  'https upstreams': {
    API_URL: 'https://api.nowhere.invalid/prod',
    CONSOLE_URL: 'https://console.nowhere.invalid:8443',
    CONSOLE_ENABLED: '1',
    RESOLVERS: '127.0.0.11',
    UPSTREAM_CA_FILE: certFile,
  },
  'all addresses of both families': { EDGE_HOST: '::' },
}

for (const [name, env] of Object.entries(SETTINGS)) {
  test(`nginx takes the configuration without a warning: ${name}`, async (t) => {
    const said = await checkEdge(t, env)
    assert.match(said, /test is successful/)
    assert.doesNotMatch(said, /\[(warn|error|alert|emerg)\]/)
  })
}

test('the same settings give the same text, and no directive needs a module of its own', () => {
  const conf = renderNginxConf(readEdge(SETTINGS['rates and connections'] as Env))
  assert.equal(conf, renderNginxConf(readEdge(SETTINGS['rates and connections'] as Env)))
  assert.doesNotMatch(conf, /load_module|js_|lua_/)
})
