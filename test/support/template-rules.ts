import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RegoEngine, type StandardDiagnostic, TemplateFile } from '@aws/cloudformation-validate'

/** What AWS's own rules and resource schemas (those of cfn-lint 1.56) say about a template, offline. */
export interface Verdict {
  /** In words; empty when CloudFormation would take it. */
  readonly errors: readonly string[]
  /** `<logical id>.<property>`: a change of it replaces the resource. */
  readonly createOnly: ReadonlySet<string>
}

let engine: InstanceType<typeof RegoEngine> | undefined

/** Checks the text of a template: 0.5 s, and 3 s more the first time. */
export function judgeTemplate(text: string): Verdict {
  engine ??= new RegoEngine()
  const folder = mkdtempSync(join(tmpdir(), 'warren-template-'))
  try {
    const file = join(folder, 'template.json')
    writeFileSync(file, text)
    const { diagnostics } = engine.validateStandard(new TemplateFile(file))
    return {
      errors: diagnostics.filter(isError).map(inWords),
      createOnly: new Set(diagnostics.filter(isCreateOnly).map(property)),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const isError = ({ severity }: StandardDiagnostic) => severity === 'FATAL' || severity === 'ERROR'
const isCreateOnly = ({ ruleId }: StandardDiagnostic) => ruleId === 'I9001'

const property = ({ entity, propertyPath = '' }: StandardDiagnostic) =>
  `${entity?.logicalId}.${propertyPath.replace(/^Properties\./, '').split('.')[0]}`

const inWords = ({ ruleId, message, entity, propertyPath = '' }: StandardDiagnostic) =>
  `${ruleId} ${entity?.logicalId ?? 'template'} ${propertyPath}: ${message}`
