import type { Resource, Value } from '../cloudformation.ts'

/** What someone may do; every `*` in a Resource is one that AWS leaves no choice about. */
export interface Statement {
  readonly [key: string]: Value
  readonly Effect: 'Allow' | 'Deny'
  readonly Action: string | readonly string[]
}

export const allow = (actions: readonly string[], Resource: Value): Statement => ({
  Effect: 'Allow',
  Action: actions,
  Resource,
})

/** Reading these secrets, given by their ARNs. */
export const readSecrets = (...arns: readonly Value[]): Statement =>
  allow(['secretsmanager:GetSecretValue'], arns.length === 1 ? (arns[0] as Value) : arns)

export const policyDocument = (statements: readonly Value[]): Value => ({
  Version: '2012-10-17',
  Statement: statements,
})

/** @param service who takes the role, e.g. `lambda.amazonaws.com` */
export function role(service: string, statements: readonly Statement[]): Resource {
  const trust = { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }
  const policy = { PolicyName: 'warren', PolicyDocument: policyDocument(statements) }
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: policyDocument([trust]),
      ...(statements.length === 0 ? {} : { Policies: [policy] }),
    },
  }
}
