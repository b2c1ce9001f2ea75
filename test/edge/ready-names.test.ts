import assert from 'node:assert/strict'
import { Resolver } from 'node:dns/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { serveReadyNames } from '#infra/edge/ready-names.ts'
import { startDns } from '../support/dns.ts'
import { until } from '../support/until.ts'

// Two gateways at two addresses of the loopback network, with the same port for their readiness.
const statuses = new Map([
  ['127.0.0.2', 200],
  ['127.0.0.3', 200],
])
/** Those that take a question, and leave it without an answer. */
const silent = new Set<string>()
const asked = new Map<string, number>()
const readyPort = await listen('127.0.0.2', 0)
await listen('127.0.0.3', readyPort)
const dns = await startDns({ after })
const names = await serveReadyNames({ name: 'gateway', readyPort, resolvers: [dns.address] })
after(() => names.close())
const resolver = new Resolver()
resolver.setServers([names.address])

async function listen(address: string, port: number): Promise<number> {
  const server = createServer((request, response) => {
    asked.set(address, (asked.get(address) ?? 0) + 1)
    if (silent.has(address)) return
    response.writeHead(request.url === '/health/ready' ? (statuses.get(address) ?? 500) : 404).end()
  })
  after(() => {
    server.close()
    server.closeAllConnections()
  })
  await new Promise<void>((resolve) => server.listen(port, address, resolve))
  return (server.address() as AddressInfo).port
}

const untilAddresses = (...wanted: readonly string[]) =>
  until(`gateway means ${wanted}`, async () => {
    const found = await resolver.resolve4('gateway').catch(() => [])
    return found.toSorted().join() === wanted.join()
  })

test('a name that is not there yet may come: the answer is a failure, not a no', async () => {
  await assert.rejects(resolver.resolve4('gateway'), { code: 'ESERVFAIL' })
})

test('all that are ready, and only they', async () => {
  dns.add('gateway', '127.0.0.2', '127.0.0.3')
  await untilAddresses('127.0.0.2', '127.0.0.3')
  statuses.set('127.0.0.2', 503)
  await untilAddresses('127.0.0.3')
  statuses.set('127.0.0.2', 200)
  await untilAddresses('127.0.0.2', '127.0.0.3')
})

test('where none is ready, all: they say best what is wrong', async () => {
  statuses.set('127.0.0.2', 503)
  await untilAddresses('127.0.0.3')
  statuses.set('127.0.0.3', 503)
  await untilAddresses('127.0.0.2', '127.0.0.3')
})

test('one that is silent for a moment stays, one that goes on being silent does not', async () => {
  statuses.set('127.0.0.2', 200)
  await untilAddresses('127.0.0.2')
  statuses.set('127.0.0.3', 200)
  await untilAddresses('127.0.0.2', '127.0.0.3')
  silent.add('127.0.0.3')
  const before = asked.get('127.0.0.3') as number
  await until('a question unanswered', () => (asked.get('127.0.0.3') as number) === before + 2)
  assert.equal((await resolver.resolve4('gateway')).length, 2)
  await untilAddresses('127.0.0.2')
  silent.clear()
  await untilAddresses('127.0.0.2', '127.0.0.3')
})

test('where names cannot be looked up for a while, what was known still stands', async () => {
  dns.fail(true)
  const before = asked.get('127.0.0.2') as number
  await until('further questions', () => (asked.get('127.0.0.2') as number) > before + 2)
  assert.equal((await resolver.resolve4('gateway')).length, 2)
  dns.fail(false)
})

test('an address where nobody answers counts as not ready', async () => {
  statuses.set('127.0.0.3', 200)
  dns.add('gateway', '127.0.0.3', '127.0.0.4')
  await untilAddresses('127.0.0.3')
})

test('other names are looked up, and not asked whether they are ready', async () => {
  dns.add('rabbit', '127.0.0.9')
  assert.deepEqual(await resolver.resolve4('rabbit'), ['127.0.0.9'])
})

test('there are no IPv6 addresses', async () => {
  await assert.rejects(resolver.resolve6('gateway'), { code: 'ENODATA' })
})
