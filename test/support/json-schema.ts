import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'

/** A JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>
type Schemas = Readonly<Record<string, Schema>>

/** Whether a value satisfies one keyword. */
type Check = (value: unknown, argument: never, schema: Schema, at: Place) => Faults
type Faults = readonly string[]

interface Place {
  readonly path: string
  readonly schemas: Schemas
}

const ok: Faults = []
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const when = (isWrong: boolean, fault: string): Faults => (isWrong ? [fault] : ok)
/** Lengths are counted in characters, not in UTF-16 units. */
const lengthOf = (value: unknown): number | undefined =>
  typeof value === 'string' ? [...value].length : undefined
const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN)

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  object: isObject,
  array: Array.isArray,
}

/** The keywords that our document uses; another one is an error of the test. */
const KEYWORDS: Readonly<Record<string, Check>> = {
  $ref: (value, ref: string, _, { path, schemas }) =>
    faultsOf(value, schemas[ref.split('/').at(-1) ?? ''] ?? assert.fail(ref), { path, schemas }),
  type: (value, type: string) => when(!(TYPES[type] ?? assert.fail(type))(value), `is no ${type}`),
  const: (value, wanted: unknown) => when(!isDeepStrictEqual(value, wanted), `is not ${wanted}`),
  enum: (value, wanted: readonly unknown[]) => when(!wanted.includes(value), 'is none of the enum'),
  minimum: (value, least: number) => when(number(value) < least, `is below ${least}`),
  maximum: (value, most: number) => when(number(value) > most, `is above ${most}`),
  minLength: (value, least: number) => when((lengthOf(value) ?? least) < least, 'is too short'),
  maxLength: (value, most: number) => when((lengthOf(value) ?? 0) > most, 'is too long'),
  pattern: (value, pattern: string) =>
    when(typeof value === 'string' && !new RegExp(pattern, 'u').test(value), `is not ${pattern}`),
  minItems: (value, least: number) =>
    when(Array.isArray(value) && value.length < least, 'has too few items'),
  maxItems: (value, most: number) =>
    when(Array.isArray(value) && value.length > most, 'has too many items'),
  items: (value, items: Schema, _, { path, schemas }) =>
    Array.isArray(value)
      ? value.flatMap((item, at) => faultsOf(item, items, { path: `${path}/${at}`, schemas }))
      : ok,
  required: (value, names: readonly string[]) =>
    isObject(value)
      ? names.filter((name) => !Object.hasOwn(value, name)).map((name) => `lacks ${name}`)
      : ok,
  properties: (value, properties: Schemas, _, { path, schemas }) =>
    Object.entries(isObject(value) ? value : {}).flatMap(([name, member]) => {
      const schema = Object.hasOwn(properties, name) ? properties[name] : undefined
      return schema ? faultsOf(member, schema, { path: `${path}/${name}`, schemas }) : ok
    }),
  additionalProperties: (value, allowed: boolean, { properties = {} }) =>
    Object.keys(isObject(value) && !allowed ? value : {})
      .filter((name) => !Object.hasOwn(properties as object, name))
      .map((name) => `has ${name}`),
  not: (value, schema: Schema, _, at) =>
    when(faultsOf(value, schema, at).length === 0, 'is what it must not be'),
  oneOf: (value, schemas: readonly Schema[], _, at) => {
    const fits = schemas.filter((schema) => faultsOf(value, schema, at).length === 0)
    return when(fits.length !== 1, `fits ${fits.length} of ${schemas.length} schemas`)
  },
  description: () => ok,
  default: () => ok,
}

/** Everything that is wrong with a value. @param at `schemas`: where `$ref` leads */
export function faultsOf(value: unknown, schema: Schema, at: Place): Faults {
  return Object.entries(schema).flatMap(([keyword, argument]) => {
    const check = KEYWORDS[keyword] ?? assert.fail(`the keyword ${keyword} is not known here`)
    return check(value, argument as never, schema, at).map((fault) =>
      fault.startsWith('/') ? fault : `${at.path || '/'} ${fault}`,
    )
  })
}
