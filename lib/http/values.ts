import type { Faults } from './faults.ts'
import type { Rule } from './properties.ts'
import { shortStringFault } from './short-string.ts'
import { checkTable } from './table.ts'

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false }
const DIGITS = /^\d{1,16}$/

/**
 * The value that a text stands for in a header or query parameter; undefined, with at least one
 * fault added, if it is not one.
 */
export function readValue(rule: Rule, text: string, where: readonly string[], faults: Faults) {
  const value = toValue(rule, text)
  return checkValue(rule, value, where, faults) ? value : undefined
}

function toValue(rule: Rule, text: string): unknown {
  if (rule.kind === 'text') return text
  if (rule.kind === 'integer') return DIGITS.test(text) ? Number(text) : undefined
  if (rule.kind === 'boolean') {
    return Object.hasOwn(BOOLEANS, text.toLowerCase()) ? BOOLEANS[text.toLowerCase()] : undefined
  }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a value keeps its rule; if not, says why in `faults`. */
export function checkValue(
  rule: Rule,
  value: unknown,
  where: readonly string[],
  faults: Faults,
): boolean {
  if (rule.kind === 'table') return checkTable(value, where, faults)
  const detail = faultOf(rule, value)
  if (detail === undefined) return true
  faults.add(where, detail)
  return false
}

function faultOf(rule: Exclude<Rule, { kind: 'table' }>, value: unknown): string | undefined {
  if (rule.kind === 'text') return textFault(rule, value)
  if (rule.kind === 'boolean') {
    return typeof value === 'boolean' ? undefined : 'Must be true or false.'
  }
  const fits = Number.isInteger(value) && rule.min <= Number(value) && Number(value) <= rule.max
  return fits ? undefined : `Must be a whole number from ${rule.min} to ${rule.max}.`
}

function textFault(rule: Rule & { kind: 'text' }, value: unknown): string | undefined {
  const { minBytes, neverStarts } = rule
  if (neverStarts === undefined || !String(value).startsWith(neverStarts)) {
    return shortStringFault(value, minBytes)
  }
  return `Must not start with ${neverStarts}.`
}
