import { isIP, isIPv6 } from 'node:net'
import * as v from 'valibot'

/** What a request is passed on to. */
export interface Upstream {
  readonly scheme: 'http' | 'https'
  /** As in a URL: an IPv6 address has its brackets. */
  readonly host: string
  readonly port: number
  /** What comes before the request's own path: empty, or like `/prod`. */
  readonly base: string
  /** Whether `host` is a name, to be looked up again and again. */
  readonly named: boolean
}

// Every text below goes into nginx.conf: what it may hold is what cannot end or change a directive.
const HOST = /^(?:[\w.-]+|\[[0-9a-f:.]+\])$/i
const BASE = /^(?:\/[\w.~-]+)*\/?$/
const FILE = /^[^"\\$\p{Cc}]*$/u

/**
 * A URL of http or https, without user, query or fragment. With https the host is a name: nginx
 * compares no address with a certificate's.
 */
export const origin = (fallback: string) =>
  v.pipe(
    v.optional(v.string(), fallback),
    v.check(
      (text) => toUpstream(text) !== undefined,
      'must be a URL like http://host:port, or https:// and a name',
    ),
    v.transform((text) => toUpstream(text) as Upstream),
  )

function toUpstream(text: string): Upstream | undefined {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || text.includes('@')) return undefined
  if (url.search + url.hash !== '' || !HOST.test(url.hostname) || !BASE.test(url.pathname)) {
    return undefined
  }
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const named = isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0
  if (scheme === 'https' && !named) return undefined
  return {
    scheme,
    host: url.hostname,
    port: Number(url.port || (scheme === 'https' ? 443 : 80)),
    base: url.pathname.replace(/\/$/, ''),
    named,
  }
}

const list = (fallback: string) =>
  v.pipe(
    v.optional(v.string(), fallback),
    v.transform((text) => text.split(/[\s,]+/).filter((item) => item !== '')),
  )

/** Addresses and networks (`10.0.0.0/8`), separated by commas or spaces. */
export const addresses = (fallback: string) =>
  v.pipe(
    list(fallback),
    v.check(
      (items) => items.every(isNetwork),
      'must be addresses or networks like 10.0.0.0/8, separated by commas',
    ),
  )

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return rest.length === 0 && (bits === undefined ? most > 0 : isWhole(bits, most))
}

const isWhole = (text: string, most: number) => /^\d{1,5}$/.test(text) && Number(text) <= most

/** Addresses of DNS servers, each with `:port` where it is not 53; IPv6 in brackets. */
export const resolvers = () =>
  v.pipe(
    list(''),
    v.check(
      (items) => items.every(isResolver),
      'must be IP addresses, separated by commas (an IPv6 address in brackets)',
    ),
  )

function isResolver(text: string): boolean {
  const [, host = '', port = '53'] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? []
  const address = host.replace(/^\[|\]$/g, '')
  return isIP(address) !== 0 && isIPv6(address) === host.startsWith('[') && isWhole(port, 65535)
}

/** One IP address to listen at. */
export const ipAddress = (fallback: string) =>
  v.pipe(
    v.optional(v.string(), fallback),
    v.check((text) => isIP(text) !== 0, 'must be an IP address'),
  )

/** The name of a header. nginx cannot read the client's address out of `Forwarded` (RFC 7239). */
export const headerName = (fallback: string) =>
  v.pipe(
    v.optional(v.string(), fallback),
    v.check(
      (text) => /^[A-Za-z0-9-]+$/.test(text) && text.toLowerCase() !== 'forwarded',
      'must be the name of a header that holds addresses, like X-Forwarded-For',
    ),
  )

/** A path of a file. */
export const file = (fallback: string) =>
  v.pipe(
    v.optional(v.string(), fallback),
    v.check((text) => FILE.test(text), 'must be a path without quotes, backslashes or $'),
  )
