import type { IncomingMessage, ServerResponse } from 'node:http'
import { AwsError } from './errors.ts'

/** A request to a service, its body read. */
export interface Request {
  readonly method: string
  /** Percent-encoded. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** The access key that signed it. */
  readonly key: string
}

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export type Input = Readonly<Record<string, unknown>>
/** By name; whatever is not there is not known. */
export type Actions = Readonly<Record<string, (input: Input, key: string) => unknown>>

/** A service as the server sees it. */
export interface Service {
  /** What it is asked for, for the list of calls. */
  actionOf(request: Request): string
  answer(request: Request): Promise<Reply>
  /** An error in the words of its protocol. */
  refuse(error: AwsError): Reply
}

/** The AWS query protocol: a form in, XML out (STS, CloudFormation). */
export function queryService(actions: Actions): Service {
  const form = ({ body }: Request) => Object.fromEntries(new URLSearchParams(body.toString()))
  return {
    actionOf: (request) => String(form(request)['Action']),
    answer: async (request) => {
      const { Action = '', Version: _, ...input } = form(request)
      const result = await known(actions, Action)(input, request.key)
      return xml(`${Action}Response`, { [`${Action}Result`]: result ?? {} })
    },
    refuse: ({ code, message, status }) =>
      xml('ErrorResponse', { Error: { Type: 'Sender', Code: code, Message: message } }, status),
  }
}

/** JSON in and out, the action in a header (Secrets Manager, ECR, ECS, CloudWatch Logs). */
export function jsonService(actions: Actions): Service {
  const actionOf = ({ headers }: Request) => String(headers['x-amz-target']).split('.').at(-1) ?? ''
  return {
    actionOf,
    answer: async (request) => {
      const input = JSON.parse(request.body.toString() || '{}')
      return json(await known(actions, actionOf(request))(input, request.key))
    },
    refuse: refuseAsJson,
  }
}

/** JSON over paths (Lambda, Amazon MQ). Routes are `METHOD /path/{name}`. */
export function restService(actions: Actions): Service {
  const find = ({ method, path }: Request) => {
    for (const route of Object.keys(actions)) {
      const [verb = '', pattern = ''] = route.split(' ')
      const found = new RegExp(`^${pattern.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}/?$`).exec(path)
      if (verb === method && found) return { route, parameters: { ...found.groups } }
    }
    return { route: `${method} ${path}`, parameters: {} }
  }
  return {
    actionOf: (request) => find(request).route,
    answer: async (request) => {
      const { route, parameters } = find(request)
      const decoded = Object.entries(parameters).map(([k, value]) => [k, decodeURIComponent(value)])
      const query = Object.fromEntries(request.query)
      const input = { ...query, ...Object.fromEntries(decoded), body: request.body }
      return json(await known(actions, route)(input, request.key))
    },
    refuse: refuseAsJson,
  }
}

function known(actions: Actions, name: string) {
  const action = actions[name]
  if (action === undefined) throw new AwsError('UnknownToStandIn', `no action ${name}`, 501)
  return action
}

const json = (value: unknown, status = 200): Reply => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1' },
  body: JSON.stringify(value ?? {}),
})

const refuseAsJson = ({ code, message, status }: AwsError): Reply => ({
  ...json({ __type: code, message }, status),
  headers: { 'content-type': 'application/json', 'x-amzn-errortype': code },
})

/** @param lists the name of a list's elements; S3 repeats the list's own name instead */
export const xml = (name: string, value: unknown, status = 200, lists?: 'flat'): Reply => ({
  status,
  headers: { 'content-type': 'text/xml' },
  body: `<?xml version="1.0"?>\n${element(name, value, lists)}`,
})

function element(name: string, value: unknown, lists?: 'flat'): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) {
    if (lists === 'flat') return value.map((item) => element(name, item, lists)).join('')
    return `<${name}>${value.map((item) => element('member', item)).join('')}</${name}>`
  }
  if (value instanceof Date) return `<${name}>${value.toISOString()}</${name}>`
  if (typeof value !== 'object' || value === null) return `<${name}>${escaped(value)}</${name}>`
  const members = Object.entries(value).map(([key, member]) => element(key, member, lists))
  return `<${name}>${members.join('')}</${name}>`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escaped = (value: unknown) => String(value).replace(/[&<>]/g, (c) => ENTITIES[c] ?? c)

export function send(response: ServerResponse, { status = 200, headers = {}, body = '' }: Reply) {
  response.writeHead(status, headers)
  response.end(body)
}
