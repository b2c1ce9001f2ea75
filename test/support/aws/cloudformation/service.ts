import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { judgeTemplate } from '../../template-rules.ts'
import { type Account, arnOf } from '../account.ts'
import { AwsError } from '../errors.ts'
import { type Input, queryService, type Service } from '../protocols.ts'
import { executeChangeSet, removeResource } from './deploy.ts'
import { type ChangeSet, createStack, type Stack, setStatus } from './stack.ts'
import { inOrder, type Template } from './template.ts'

/** AWS CloudFormation as `serverless` uses it: change sets, events, policies, deletion. */
export function cloudFormation(account: Account): Service {
  const find = (input: Input): Stack => {
    const name = String(input['StackName'])
    const stack = [...account.stacks.values()].find((one) => one.name === name || one.id === name)
    if (stack === undefined)
      throw new AwsError('ValidationError', `Stack with id ${name} does not exist`)
    return stack
  }
  const findChangeSet = (input: Input): ChangeSet => {
    const { changeSet } = find(input)
    if (changeSet === undefined)
      throw new AwsError('ChangeSetNotFound', 'there is no change set', 404)
    return changeSet
  }
  return queryService({
    DescribeStacks: (input) => ({ Stacks: [describe(find(input))] }),
    ValidateTemplate: (input) => {
      const { errors } = judgeTemplate(templateText(account, input))
      if (errors.length > 0) throw new AwsError('ValidationError', errors.join('\n'))
    },
    CreateChangeSet: (input) => {
      const isNew = input['ChangeSetType'] === 'CREATE'
      const stack = isNew ? createStack(account, String(input['StackName'])) : find(input)
      stack.changeSet = createChangeSet(account, stack, input)
      return { Id: stack.changeSet.id, StackId: stack.id }
    },
    DescribeChangeSet: (input) => {
      const { id, status, reason, template } = findChangeSet(input)
      return {
        ChangeSetId: id,
        StackId: find(input).id,
        Status: status,
        ExecutionStatus: status === 'FAILED' ? 'UNAVAILABLE' : 'AVAILABLE',
        StatusReason: reason,
        Changes: Object.keys(template.Resources).map(() => ({ Type: 'Resource' })),
      }
    },
    ExecuteChangeSet: (input) => {
      const stack = find(input)
      stack.working = executeChangeSet(account, stack, findChangeSet(input))
      stack.changeSet = undefined
    },
    DeleteChangeSet: (input) => {
      find(input).changeSet = undefined
    },
    DescribeStackEvents: (input) => ({ StackEvents: find(input).events }),
    DescribeStackResource: (input) => {
      const stack = find(input)
      const id = String(input['LogicalResourceId'])
      const found = describeResources(stack).find(
        ({ LogicalResourceId }) => LogicalResourceId === id,
      )
      if (found === undefined) {
        const what = `Resource ${id} does not exist for stack ${stack.name}`
        throw new AwsError('ValidationError', what)
      }
      return { StackResourceDetail: found }
    },
    ListStackResources: (input) => ({ StackResourceSummaries: describeResources(find(input)) }),
    SetStackPolicy: (input) => {
      find(input).policy = JSON.parse(String(input['StackPolicyBody'])).Statement
    },
    UpdateTerminationProtection: (input) => {
      find(input).terminationProtection = input['EnableTerminationProtection'] === 'true'
      return { StackId: find(input).id }
    },
    DeleteStack: (input) => {
      const stack = find(input)
      if (stack.terminationProtection) {
        const what = `Stack [${stack.name}] cannot be deleted while TerminationProtection is enabled`
        throw new AwsError('ValidationError', what)
      }
      stack.working = deleteStack(account, stack)
    },
  })
}

function describe({ id, name, status, outputs, tags, terminationProtection }: Stack) {
  return {
    StackId: id,
    StackName: name,
    StackStatus: status,
    CreationTime: new Date(0),
    Outputs: outputs,
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    EnableTerminationProtection: terminationProtection,
  }
}

const describeResources = ({ id, name, resources }: Stack) =>
  [...resources].map(([LogicalResourceId, { type, made, status }]) => ({
    StackId: id,
    StackName: name,
    LogicalResourceId,
    PhysicalResourceId: made.id,
    ResourceType: type,
    ResourceStatus: status,
    LastUpdatedTimestamp: new Date(0),
  }))

/** What `TemplateBody` says, or the object that `TemplateURL` leads to. */
function templateText(account: Account, input: Input): string {
  if (typeof input['TemplateBody'] === 'string') return input['TemplateBody']
  const { pathname } = new URL(String(input['TemplateURL']))
  const [, bucket = '', key = ''] = /^\/([^/]+)\/(.+)$/.exec(decodeURIComponent(pathname)) ?? []
  const object = account.buckets.get(bucket)?.get(key)
  if (object === undefined)
    throw new AwsError('ValidationError', `S3 error: no template at ${pathname}`)
  return object.content.toString()
}

function createChangeSet(account: Account, stack: Stack, input: Input): ChangeSet {
  const text = templateText(account, input)
  const { errors, createOnly } = judgeTemplate(text)
  if (errors.length > 0) throw new AwsError('ValidationError', errors.join('\n'))
  const template = JSON.parse(text) as Template
  inOrder(template)
  const given = {
    id: arnOf(account, 'cloudformation', `changeSet/${input['ChangeSetName']}/${randomUUID()}`),
    type: String(input['ChangeSetType']),
    template,
    createOnly,
    tags: tagsOf(input),
  }
  if (!isDeepStrictEqual(template, stack.template)) return { ...given, status: 'CREATE_COMPLETE' }
  const reason =
    "The submitted information didn't contain changes. Submit different information to create a change set."
  return { ...given, status: 'FAILED', reason }
}

function tagsOf(input: Input): Record<string, string> {
  const tags: Record<string, string> = {}
  for (let i = 1; input[`Tags.member.${i}.Key`] !== undefined; i += 1) {
    tags[String(input[`Tags.member.${i}.Key`])] = String(input[`Tags.member.${i}.Value`])
  }
  return tags
}

/** Removes all that is not to stay; what cannot be removed stops it. */
async function deleteStack(account: Account, stack: Stack): Promise<void> {
  setStatus(stack, 'DELETE_IN_PROGRESS')
  try {
    for (const id of inOrder(stack.template).reverse()) {
      await removeResource(account, stack, id, stack.template, 'DeletionPolicy')
    }
  } catch (error) {
    setStatus(stack, 'DELETE_FAILED', (error as Error).message)
    return
  }
  setStatus(stack, 'DELETE_COMPLETE')
  account.stacks.delete(stack.name)
}
