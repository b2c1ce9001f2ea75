import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { renderNginxConf } from '#infra/edge/nginx-conf.ts'
import { readEdge } from '#infra/edge/settings.ts'
import { ConfigError, type Env } from '#lib/config.ts'

test('the defaults are an edge on loopback, without console, TLS and trusted proxies', () => {
  const settings = readEdge({})
  assert.equal(settings.host, '127.0.0.1')
  assert.equal(settings.port, 8080)
  assert.equal(settings.maxBodyBytes, 20 * 1024 * 1024)
  assert.equal(settings.console, undefined)
  assert.equal(settings.tls, undefined)
  assert.deepEqual(settings.trustedProxies, [])
})

test('every wrong setting is named at once, and no value is repeated', () => {
  const wrong = {
    EDGE_HOST: 'somewhere',
    EDGE_PORT: '70000',
    API_URL: 'ftp://api',
    CONSOLE_ENABLED: 'perhaps',
    CONSOLE_URL: 'http://user:s3cret@rabbit:15672',
    CONSOLE_ALLOW: '10.0.0.0/40',
    RESOLVERS: 'dns.example',
    TRUSTED_PROXIES: '10.0.0.1; allow all',
    REAL_IP_HEADER: 'Forwarded',
    RATE_PER_TOKEN: '-1',
    TLS_CERT_FILE: '/etc/tls/$cert.pem',
    TLS_PROFILE: 'modern',
    ACCESS_LOG: 'a"b',
  }
  assert.throws(
    () => readEdge(wrong),
    (error: ConfigError) => {
      const named = error.problems.map((problem) => problem.split(' ')[0])
      assert.deepEqual(
        named.toSorted(),
        Object.keys(wrong).toSorted().concat('TLS_CERT_FILE').toSorted(),
      )
      assert.ok(!error.message.includes('s3cret'))
      return true
    },
  )
})

test('an upstream given by name needs to know which DNS servers to ask', () => {
  const named = { API_URL: 'http://gateway:3000', CONSOLE_URL: 'http://rabbit:15672' }
  assert.throws(() => readEdge(named), /RESOLVERS must be set .* API_URL and CONSOLE_URL/)
  assert.deepEqual(readEdge({ ...named, RESOLVERS: '127.0.0.11 [fd00::53]:5353' }).resolvers, [
    '127.0.0.11',
    '[fd00::53]:5353',
  ])
})

test('a certificate without its key is refused', () => {
  assert.throws(() => readEdge({ TLS_CERT_FILE: '/c.pem' }), /TLS_CERT_FILE and TLS_KEY_FILE/)
})

test('an https upstream is given by name, since nginx verifies nothing else', () => {
  assert.throws(() => readEdge({ API_URL: 'https://10.0.0.1' }), /API_URL must be .* a name/)
})

test('an upstream may have a path in front of every request', () => {
  const { api } = readEdge({ API_URL: 'https://api.example/prod/', RESOLVERS: '10.0.0.2' })
  assert.deepEqual(api, {
    scheme: 'https',
    host: 'api.example',
    port: 443,
    base: '/prod',
    named: true,
  })
})

test('no setting can add a directive of its own to the configuration', () => {
  const known = directives(EVERYTHING)
  const marks = [';', '{', '}', '"', "'", '\n', '$', '\\', '#', ' ', '/', ':', '.', '1', 'evil']
  const hostile = fc.array(fc.constantFrom(...marks), { maxLength: 12 })
  fc.assert(
    fc.property(fc.constantFrom(...TEXTS), hostile, fc.boolean(), (key, parts, asUrl) => {
      const value = `${asUrl ? 'http://h' : ''}${parts.join('')}`
      const all = directives({ ...EVERYTHING, [key]: value })
      assert.deepEqual(
        [...all].filter((name) => !known.has(name)),
        [],
      )
    }),
    { numRuns: 2000 },
  )
})

const TEXTS = [
  ...['EDGE_HOST', 'API_URL', 'CONSOLE_URL', 'CONSOLE_ALLOW', 'RESOLVERS', 'TRUSTED_PROXIES'],
  ...['REAL_IP_HEADER', 'UPSTREAM_CA_FILE', 'ACCESS_LOG', 'TLS_CERT_FILE', 'TLS_KEY_FILE'],
]

const EVERYTHING: Env = {
  CONSOLE_ENABLED: '1',
  CONSOLE_URL: 'https://console',
  RESOLVERS: '10.0.0.2',
  TRUSTED_PROXIES: '10.0.0.1',
  TLS_CERT_FILE: '/cert',
  TLS_KEY_FILE: '/key',
  RATE_PER_TOKEN: '1',
  RATE_PER_ADDRESS: '1',
}

/** The names of all directives; none when the settings are refused. */
function directives(env: Env): Set<string> {
  try {
    return new Set(statements(renderNginxConf(readEdge(env))))
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return new Set()
  }
}

/** The first word of each directive, as nginx reads them; the lines of a `map` are none. */
function statements(conf: string): string[] {
  const words = conf.match(/#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[;{}]|[^\s;{}]+/g) ?? []
  const firsts: string[] = []
  const blocks: string[] = []
  let first = ''
  for (const word of words.filter((each) => !each.startsWith('#'))) {
    if (word === '}') blocks.pop()
    else if (word === ';' || word === '{') {
      if (blocks.at(-1) !== 'map') firsts.push(first)
      if (word === '{') blocks.push(first)
      first = ''
    } else if (first === '') first = word
  }
  return firsts
}
