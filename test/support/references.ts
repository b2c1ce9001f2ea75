import type { CompiledTemplate } from '#infra/plugins/serverless.ts'

/**
 * Attributes that may be asked for, by resource type (CloudFormation's template reference, "Return
 * values"). A type that is not here has none: whoever uses one adds it.
 */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  'AWS::AmazonMQ::Broker': ['AmqpEndpoints'],
  'AWS::AmazonMQ::Configuration': ['Revision'],
  'AWS::ApiGateway::RestApi': ['RootResourceId', 'RestApiId'],
  'AWS::ApiGatewayV2::Api': ['ApiEndpoint'],
  'AWS::EC2::SecurityGroup': ['GroupId'],
  'AWS::IAM::Role': ['Arn', 'RoleId'],
  'AWS::Lambda::Function': ['Arn'],
  'AWS::Logs::LogGroup': ['Arn'],
  'AWS::S3::Bucket': ['Arn', 'DomainName', 'RegionalDomainName'],
  'AWS::ServiceDiscovery::Service': ['Arn'],
}

const PSEUDO =
  /^AWS::(AccountId|NoValue|NotificationARNs|Partition|Region|StackId|StackName|URLSuffix)$/

type Template = CompiledTemplate & { readonly Parameters?: object; readonly Conditions?: object }

/** Every reference of a template that leads nowhere, as `<path>: <what is missing>`. */
export function danglingReferences(template: Template): string[] {
  const dangling: string[] = []
  const check = (path: string, problem: string | undefined) => {
    if (problem !== undefined) dangling.push(`${path}: ${problem}`)
  }
  walk(template, '', (key, value, path) => {
    if (key === 'Ref') check(path, refProblem(template, String(value)))
    if (key === 'Fn::GetAtt') check(path, attributeProblem(template, value))
    if (key === 'Fn::Sub') for (const problem of subProblems(template, value)) check(path, problem)
    if (key === 'DependsOn' && /^\/Resources\/\w+$/.test(path)) {
      for (const id of [value].flat()) check(path, resourceProblem(template, String(id)))
    }
    if (key === 'Condition' && typeof value === 'string') {
      check(
        path,
        Object.hasOwn(template.Conditions ?? {}, value) ? undefined : `condition ${value}`,
      )
    }
  })
  return dangling
}

/** Calls `visit` with every member of every object. */
function walk(value: unknown, path: string, visit: (k: string, v: unknown, path: string) => void) {
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    if (!Array.isArray(value)) visit(key, member, path)
    walk(member, `${path}/${key}`, visit)
  }
}

function refProblem(template: Template, name: string): string | undefined {
  if (PSEUDO.test(name) || Object.hasOwn(template.Parameters ?? {}, name)) return undefined
  return resourceProblem(template, name)
}

const resourceProblem = ({ Resources }: Template, id: string) =>
  Object.hasOwn(Resources, id) ? undefined : `resource ${id}`

function attributeProblem(template: Template, value: unknown): string | undefined {
  const [id = '', ...rest] = typeof value === 'string' ? value.split('.') : (value as string[])
  const attribute = rest.join('.')
  const type = template.Resources[id]?.Type
  if (type === undefined) return `resource ${id}`
  return ATTRIBUTES[type]?.includes(attribute) ? undefined : `attribute ${attribute} of ${type}`
}

/** `${Name}` and `${Name.Attribute}`; `${!Literal}` is none. */
function subProblems(template: Template, value: unknown): string[] {
  const [text, own = {}] = Array.isArray(value) ? value : [value]
  const names = [...String(text).matchAll(/\$\{([^!}][^}]*)\}/g)].map(([, name = '']) =>
    name.trim(),
  )
  return names
    .filter((name) => !Object.hasOwn(own, name))
    .map((name) => (name.includes('.') ? attributeProblem : refProblem)(template, name))
    .filter((problem) => problem !== undefined)
}
