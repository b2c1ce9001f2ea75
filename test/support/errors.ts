import assert from 'node:assert/strict'
import { type ProblemCode, type ProblemItem, WarrenError } from '#lib/errors.ts'

/** The code of the WarrenError that `run` throws. */
export function codeOf(run: () => unknown): ProblemCode {
  try {
    run()
  } catch (error) {
    return ours(error).code
  }
  return assert.fail('nothing was thrown')
}

/** The WarrenError that a promise ends with. */
export async function rejection(promise: Promise<unknown>): Promise<WarrenError> {
  const error = await promise.then(
    () => assert.fail('it was resolved'),
    (reason) => reason,
  )
  return ours(error)
}

/** Where an error says that something is wrong. */
export const pointersOf = (error: { errors?: readonly ProblemItem[] }): string[] =>
  (error.errors ?? []).map(({ pointer }) => pointer)

function ours(error: unknown): WarrenError {
  if (error instanceof WarrenError) return error
  throw error
}
