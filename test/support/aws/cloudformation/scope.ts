import type { Account } from '../account.ts'
import { AwsError } from '../errors.ts'
import type { Stack } from './stack.ts'
import type { Scope, Template } from './template.ts'

/** What references of this template lead to, as far as the stack is there. */
export function scopeOf({ id, region }: Account, stack: Stack, template: Template): Scope {
  const pseudo: Readonly<Record<string, unknown>> = {
    'AWS::AccountId': id,
    'AWS::Partition': 'aws',
    'AWS::Region': region,
    'AWS::StackId': stack.id,
    'AWS::StackName': stack.name,
    'AWS::URLSuffix': 'amazonaws.com',
  }
  const find = (logicalId: string) => {
    const resource = stack.resources.get(logicalId)
    if (resource === undefined || !Object.hasOwn(template.Resources, logicalId)) {
      throw new AwsError('ValidationError', `Template error: nothing is called ${logicalId}`)
    }
    return resource
  }
  return {
    template,
    ref: (name) => (Object.hasOwn(pseudo, name) ? pseudo[name] : find(name).made.id),
    getAtt: (logicalId, attribute) => {
      const { type, made } = find(logicalId)
      if (!Object.hasOwn(made.attributes, attribute)) {
        const what = `Template error: ${type} has no attribute ${attribute} (${logicalId})`
        throw new AwsError('ValidationError', what)
      }
      return made.attributes[attribute]
    },
  }
}
