import { AwsError } from '../errors.ts'

/** A template as CloudFormation reads it. */
export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>
  readonly Outputs?: Readonly<
    Record<string, { readonly Value: unknown; readonly Description?: string }>
  >
  readonly Conditions?: Readonly<Record<string, unknown>>
}

export interface TemplateResource {
  readonly Type: string
  readonly Properties?: Readonly<Record<string, unknown>>
  readonly DependsOn?: string | readonly string[]
  readonly Condition?: string
  readonly DeletionPolicy?: Policy
  readonly UpdateReplacePolicy?: Policy
}

type Policy = 'Delete' | 'Retain' | 'RetainExceptOnCreate'

/** What a stack's references lead to. */
export interface Scope {
  readonly template: Template
  /** `Ref`. @throws {AwsError} there is no such resource */
  ref(logicalId: string): unknown
  getAtt(logicalId: string, attribute: string): unknown
}

const fail = (what: string) => new AwsError('ValidationError', `Template error: ${what}`)

/** Stands for `AWS::NoValue`. */
const NOTHING = Symbol('nothing')

/** A value of the template with its functions done. @throws {AwsError} one that is not known here */
export function resolve(value: unknown, scope: Scope): unknown {
  const resolved = evaluate(value, scope)
  return resolved === NOTHING ? undefined : resolved
}

function evaluate(value: unknown, scope: Scope): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    return value.map((item) => evaluate(item, scope)).filter((item) => item !== NOTHING)
  }
  const call = functionOf(value)
  if (call !== undefined) return apply(call.name, call.argument, scope)
  const members = Object.entries(value).map(([key, member]) => [key, evaluate(member, scope)])
  return Object.fromEntries(members.filter(([, member]) => member !== NOTHING))
}

/** `{ Ref: … }` or `{ 'Fn::…': … }`. */
function functionOf(value: object): { name: string; argument: unknown } | undefined {
  const [entry, ...more] = Object.entries(value)
  if (entry === undefined || more.length > 0) return undefined
  const [name, argument] = entry
  return name === 'Ref' || name.startsWith('Fn::') ? { name, argument } : undefined
}

function apply(name: string, argument: unknown, scope: Scope): unknown {
  const run = FUNCTIONS[name]
  if (run === undefined) throw fail(`the function ${name} is not known to this stand-in`)
  return run(argument, scope)
}

const list = (value: unknown, scope: Scope): unknown[] => {
  const items = evaluate(value, scope)
  if (!Array.isArray(items)) throw fail(`a list is wanted, not ${JSON.stringify(items)}`)
  return items
}

const text = (value: unknown): string => {
  if (typeof value === 'object') throw fail(`a text is wanted, not ${JSON.stringify(value)}`)
  return String(value)
}

const FUNCTIONS: Readonly<Record<string, (argument: unknown, scope: Scope) => unknown>> = {
  Ref: (name, scope) => (name === 'AWS::NoValue' ? NOTHING : scope.ref(String(name))),
  'Fn::GetAtt': (argument, scope) => {
    const [id = '', ...rest] =
      typeof argument === 'string' ? argument.split('.') : (argument as string[])
    return scope.getAtt(id, rest.join('.'))
  },
  'Fn::Join': (argument, scope) => {
    const [separator, items] = argument as [string, unknown]
    return list(items, scope).map(text).join(separator)
  },
  'Fn::Split': (argument, scope) => {
    const [separator, value] = argument as [string, unknown]
    return text(evaluate(value, scope)).split(separator)
  },
  'Fn::Select': (argument, scope) => {
    const [index, items] = argument as [number | string, unknown]
    const all = list(items, scope)
    if (!(Number(index) in all)) throw fail(`there is no element ${index} to select`)
    return all[Number(index)]
  },
  'Fn::Base64': (value, scope) => Buffer.from(text(evaluate(value, scope))).toString('base64'),
  'Fn::GetAZs': (_region, scope) =>
    ['a', 'b', 'c'].map((zone) => `${scope.ref('AWS::Region')}${zone}`),
  'Fn::Sub': (argument, scope) => {
    const [template, own] = Array.isArray(argument) ? argument : [argument, {}]
    return String(template).replace(/\$\{([^}]+)\}/g, (whole, name: string) => {
      if (name.startsWith('!')) return whole.replace('!', '')
      if (Object.hasOwn(own, name)) return text(evaluate(own[name], scope))
      const [id = '', ...rest] = name.split('.')
      return text(rest.length === 0 ? scope.ref(id) : scope.getAtt(id, rest.join('.')))
    })
  },
  'Fn::If': (argument, scope) => {
    const [condition, then, otherwise] = argument as [string, unknown, unknown]
    return evaluate(holds(condition, scope) ? then : otherwise, scope)
  },
  'Fn::Equals': (argument, scope) => {
    const [a, b] = list(argument, scope)
    return a === b
  },
  'Fn::Not': (argument, scope) => list(argument, scope)[0] !== true,
  'Fn::Cidr': (argument, scope) => {
    const [block, count, bits] = list(argument, scope) as [string, number, number]
    return subnets(block, Number(count), Number(bits))
  },
}

/** Whether a condition of the template holds. */
export function holds(name: string, { template, ...scope }: Scope): boolean {
  const condition = template.Conditions?.[name]
  if (condition === undefined) throw fail(`there is no condition ${name}`)
  return evaluate(condition, { template, ...scope }) === true
}

/** The first `count` blocks of `2 ** bits` addresses in an IPv4 block. */
function subnets(block: string, count: number, bits: number): string[] {
  const [address = ''] = block.split('/')
  const start = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
  return Array.from({ length: count }, (_, i) => {
    const first = start + i * 2 ** bits
    const octets = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256)
    return `${octets.join('.')}/${32 - bits}`
  })
}

/** The resources in an order in which each comes after all that it refers to or depends on. */
export function inOrder(template: Template): string[] {
  const ordered = new Set<string>()
  const visit = (id: string, path: readonly string[]) => {
    if (ordered.has(id)) return
    if (path.includes(id)) throw fail(`circular dependency between resources: ${path.join(', ')}`)
    for (const other of dependencies(id, template)) visit(other, [...path, id])
    ordered.add(id)
  }
  for (const id of Object.keys(template.Resources).sort()) visit(id, [])
  return [...ordered]
}

function dependencies(id: string, template: Template): string[] {
  const { DependsOn = [], Properties } = template.Resources[id] ?? { Type: '' }
  const explicit = [DependsOn].flat()
  const missing = explicit.find((other) => !Object.hasOwn(template.Resources, other))
  if (missing !== undefined) throw fail(`${id} depends on ${missing}, which is not there`)
  const mentioned = [
    ...JSON.stringify(Properties ?? {}).matchAll(
      /"(?:Ref|Fn::GetAtt)":\s*\[?"([^".]+)|\$\{([^}!.]+)/g,
    ),
  ]
  const named = mentioned.map(([, reference, substituted]) => reference ?? substituted ?? '')
  return [...new Set([...explicit, ...named])].filter((other) =>
    Object.hasOwn(template.Resources, other),
  )
}
