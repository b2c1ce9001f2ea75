import { isDeepStrictEqual } from 'node:util'
import type { Account } from '../account.ts'
import { AwsError } from '../errors.ts'
import { allows } from '../policy.ts'
import { typeOf } from '../resources/types.ts'
import type { Made, Wanted } from './resource-type.ts'
import { scopeOf } from './scope.ts'
import { type ChangeSet, note, type Stack, type StackResource, setStatus } from './stack.ts'
import { holds, inOrder, resolve, type Template } from './template.ts'

/** Takes a step back; run when the stack rolls back. */
type Undo = () => Promise<void>

/** One run of a change set. */
interface Run {
  readonly account: Account
  readonly stack: Stack
  readonly template: Template
  readonly createOnly: ChangeSet['createOnly']
  /** The last first. */
  readonly undo: Undo[]
  /** What goes once all else is done. */
  readonly cleanUp: Undo[]
}

/**
 * Brings a stack to the change set's template, resource by resource; when one fails, all that was done
 * is taken back. Never throws for what a template may be wrong in.
 */
export async function executeChangeSet(account: Account, stack: Stack, changeSet: ChangeSet) {
  const verb = changeSet.type === 'CREATE' ? 'CREATE' : 'UPDATE'
  const { template, createOnly } = changeSet
  const run: Run = { account, stack, template, createOnly, undo: [], cleanUp: [] }
  setStatus(stack, `${verb}_IN_PROGRESS`)
  try {
    stack.tags = changeSet.tags
    await changeAll(run)
    stack.outputs = outputsOf(run)
  } catch (error) {
    await rollBack(run, verb, error)
    return
  }
  stack.template = template
  if (verb === 'UPDATE') setStatus(stack, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS')
  for (const step of run.cleanUp) await step()
  setStatus(stack, `${verb}_COMPLETE`)
}

async function changeAll(run: Run): Promise<void> {
  const { template, stack } = run
  const scope = scopeOf(run.account, stack, template)
  const wanted = inOrder(template).filter((id) => {
    const { Condition } = template.Resources[id] ?? { Type: '' }
    return Condition === undefined || holds(Condition, scope)
  })
  for (const id of wanted) await change(run, id)
  const left = inOrder(stack.template).filter(
    (id) => stack.resources.has(id) && !wanted.includes(id),
  )
  for (const id of left) forbid(run, id, 'Update:Delete')
  for (const id of left.reverse()) {
    run.cleanUp.push(() => removeResource(run.account, stack, id, stack.template, 'DeletionPolicy'))
  }
}

/** Makes one resource, changes it, replaces it, or leaves it as it is. */
async function change(run: Run, id: string): Promise<void> {
  const { account, stack, template } = run
  const resource = template.Resources[id]
  if (resource === undefined) return
  const before = stack.resources.get(id)
  const type = resource.Type
  let verb = before === undefined ? 'CREATE' : 'UPDATE'
  try {
    const scope = scopeOf(account, stack, template)
    const properties = resolve(resource.Properties ?? {}, scope) as Wanted['properties']
    const wanted = wantedOf(account, stack, id, type, properties)
    if (before === undefined) return await create(run, wanted)
    if (before.type === type && isDeepStrictEqual(before.properties, properties)) return
    verb = 'UPDATE'
    await update(run, wanted, before)
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    note(stack, id, type, `${verb}_FAILED`, error.message)
    throw error
  }
}

async function create({ stack, undo, account, template }: Run, wanted: Wanted): Promise<void> {
  const { logicalId, type } = wanted
  note(stack, logicalId, type, 'CREATE_IN_PROGRESS')
  await put(stack, wanted, 'CREATE_COMPLETE', () => typeOf(type).create(wanted))
  undo.unshift(() => removeResource(account, stack, logicalId, template, 'OnFailedCreate'))
}

async function update(run: Run, wanted: Wanted, before: StackResource): Promise<void> {
  const { stack, undo } = run
  const { logicalId, type, properties } = wanted
  const { update: inPlace } = typeOf(type)
  if (before.type !== type || inPlace === undefined || isReplaced(run, wanted, before)) {
    return replace(run, wanted, before)
  }
  note(stack, logicalId, type, 'UPDATE_IN_PROGRESS')
  undo.unshift(async () => {
    const back = { ...wanted, properties: before.properties }
    await put(stack, back, 'UPDATE_COMPLETE', () =>
      inPlace(back, currentOf(stack, logicalId), properties),
    )
  })
  await put(stack, wanted, 'UPDATE_COMPLETE', () => inPlace(wanted, before.made, before.properties))
  // A custom resource says by another id that it made another thing: the old one goes in the end.
  if (currentOf(stack, logicalId).id !== before.made.id) removeLater(run, wanted, before)
}

async function replace(run: Run, wanted: Wanted, before: StackResource): Promise<void> {
  const { stack, undo } = run
  const { logicalId, type } = wanted
  forbid(run, logicalId, 'Update:Replace')
  note(
    stack,
    logicalId,
    type,
    'UPDATE_IN_PROGRESS',
    'Requested update requires the creation of a new physical resource; hence creating one.',
  )
  await put(stack, wanted, 'UPDATE_COMPLETE', () => typeOf(type).create(wanted))
  undo.unshift(async () => {
    await typeOf(type).remove?.(wanted, currentOf(stack, logicalId))
    stack.resources.set(logicalId, before)
  })
  removeLater(run, wanted, before)
}

function removeLater({ template, cleanUp }: Run, wanted: Wanted, before: StackResource): void {
  const { UpdateReplacePolicy = 'Delete' } = template.Resources[wanted.logicalId] ?? { Type: '' }
  if (UpdateReplacePolicy !== 'Delete') return
  const old = { ...wanted, type: before.type, properties: before.properties }
  cleanUp.push(async () => typeOf(before.type).remove?.(old, before.made))
}

const isReplaced = (
  { createOnly }: Run,
  { logicalId, properties }: Wanted,
  before: StackResource,
) =>
  [...new Set([...Object.keys(properties), ...Object.keys(before.properties)])].some(
    (name) =>
      createOnly.has(`${logicalId}.${name}`) &&
      !isDeepStrictEqual(properties[name], before.properties[name]),
  )

/** @throws {AwsError} the stack's policy denies it */
function forbid({ stack }: Run, id: string, action: string): void {
  if (stack.policy.length === 0 || allows(stack.policy, action, `LogicalResourceId/${id}`)) return
  const reason = `Action denied by stack policy: Statement [#1] does not allow [${action}] for resource [LogicalResourceId/${id}];`
  throw new AwsError('ValidationError', reason)
}

async function put(stack: Stack, wanted: Wanted, status: string, make: () => Made | Promise<Made>) {
  const { logicalId, type, properties } = wanted
  const made = await make()
  stack.resources.set(logicalId, { type, properties, made, status })
  note(stack, logicalId, type, status)
}

function currentOf(stack: Stack, id: string): Made {
  const resource = stack.resources.get(id)
  if (resource === undefined) throw new Error(`${id} is not there`)
  return resource.made
}

const wantedOf = (
  account: Account,
  stack: Stack,
  logicalId: string,
  type: string,
  properties: Wanted['properties'],
): Wanted => ({ account, stackName: stack.name, stackId: stack.id, logicalId, type, properties })

/** Which member of the template decides whether a resource goes or stays. */
type Why = 'DeletionPolicy' | 'OnFailedCreate'

/** Removes a resource, unless its policy keeps it. */
export async function removeResource(
  account: Account,
  stack: Stack,
  id: string,
  template: Template,
  why: Why,
): Promise<void> {
  const resource = stack.resources.get(id)
  if (resource === undefined) return
  const { type, properties, made } = resource
  const { DeletionPolicy = 'Delete' } = template.Resources[id] ?? { Type: '' }
  const stays =
    DeletionPolicy === 'Retain' ||
    (DeletionPolicy === 'RetainExceptOnCreate' && why === 'DeletionPolicy')
  if (stays) note(stack, id, type, 'DELETE_SKIPPED')
  else {
    note(stack, id, type, 'DELETE_IN_PROGRESS')
    await typeOf(type).remove?.(wantedOf(account, stack, id, type, properties), made)
    note(stack, id, type, 'DELETE_COMPLETE')
  }
  stack.resources.delete(id)
}

async function rollBack({ stack, undo }: Run, verb: 'CREATE' | 'UPDATE', error: unknown) {
  if (!(error instanceof AwsError))
    process.stderr.write(`stand-in for AWS: ${(error as Error).stack}\n`)
  const name = verb === 'CREATE' ? 'ROLLBACK' : 'UPDATE_ROLLBACK'
  setStatus(stack, `${name}_IN_PROGRESS`, (error as Error).message)
  try {
    for (const step of undo) await step()
    setStatus(stack, `${name}_COMPLETE`)
  } catch (failed) {
    setStatus(stack, `${name}_FAILED`, (failed as Error).message)
  }
}

function outputsOf({ account, stack, template }: Run) {
  const scope = scopeOf(account, stack, template)
  return Object.entries(template.Outputs ?? {}).map(([OutputKey, { Value, ...rest }]) => ({
    OutputKey,
    OutputValue: String(resolve(Value, scope)),
    ...('Description' in rest ? { Description: rest.Description } : {}),
    ...('Export' in rest
      ? { ExportName: String(resolve((rest.Export as { Name: unknown }).Name, scope)) }
      : {}),
  }))
}
