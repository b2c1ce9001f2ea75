import { type Account, OPERATOR_KEY, roleKey, type Statement, statementsOf } from './account.ts'
import { AwsError, unknown } from './errors.ts'

/**
 * Lets whoever has this access key do this, or not.
 * @throws {AwsError} AccessDenied: no statement of the role allows it, or one denies it
 */
export function authorize(account: Account, key: string, action: string, resource: string): void {
  if (key === OPERATOR_KEY) return
  const [name, role] = [...account.roles].find(([role]) => roleKey(role) === key) ?? []
  if (role === undefined) throw new AwsError('InvalidClientTokenId', `no access key ${key}`, 403)
  if (allows(statementsOf(role), action, resource)) return
  const what = `User: ${role.arn} is not authorized to perform: ${action} on resource: ${resource}`
  throw new AwsError('AccessDeniedException', `${what} (${name})`)
}

/** Whether these statements allow an action on a resource: one does, and none denies it. */
export function allows(statements: readonly Statement[], action: string, resource: string) {
  const matching = statements.filter(
    (statement) =>
      [statement.Action]
        .flat()
        .some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
      [statement.Resource].flat().some((pattern) => matches(pattern, resource)),
  )
  if (matching.some((statement) => 'Condition' in statement)) throw unknown('a policy condition')
  const effects = matching.map(({ Effect }) => Effect)
  return effects.includes('Allow') && !effects.includes('Deny')
}

/** IAM's wildcards: `*` any text, `?` any character. */
export function matches(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text)
}
