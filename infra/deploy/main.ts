import { join } from 'node:path'
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { runCommand, say } from './command.ts'
import { pushImages } from './images.ts'
import { preflight } from './preflight.ts'
import { runProgram } from './programs.ts'
import { OPTIONS_HELP, readTarget, type Target } from './target.ts'

const USAGE = `Deploys a stage to AWS: looks whether all is there that it takes, builds and pushes the images of the
tasks, and runs serverless deploy. The first time takes about half an hour: so long it takes Amazon to
make a broker.

npm run deploy -- --stage S

${OPTIONS_HELP}`

async function deploy(args: readonly string[]): Promise<void> {
  const target = readTarget(args)
  await preflight(target)
  await pushImages(target)
  await serverlessDeploy(target)
  const outputs = await outputsOf(target)
  say(nextSteps(target, outputs))
}

function serverlessDeploy({ checkout, stage, region, parameters }: Target): Promise<void> {
  const program = join(checkout, 'node_modules', 'serverless', 'bin', 'serverless.js')
  const given = parameters.map((parameter) => `--param=${parameter}`)
  const args = [program, 'deploy', '--stage', stage, '--region', region, ...given]
  return runProgram(process.execPath, args, { cwd: checkout })
}

type Outputs = ReadonlyMap<string, string>

async function outputsOf({ region, stack }: Target): Promise<Outputs> {
  const asked = new DescribeStacksCommand({ StackName: stack })
  const { Stacks } = await new CloudFormationClient({ region }).send(asked)
  const outputs = Stacks?.[0]?.Outputs ?? []
  return new Map(outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]))
}

/** What a person who has just deployed needs next. */
function nextSteps({ stage, region, installation }: Target, outputs: Outputs): string {
  const api = outputs.get('ServiceEndpoint') ?? ''
  const edge = outputs.get('EdgeUrl')
  const exchange = installation.relays[0]?.exchange ?? 'exchange'
  return `
Endpoint  ${api}${edge === undefined ? '' : `\nEdge      ${edge}`}

Make a token, which is shown once:
  AWS_REGION=${region} npm run token -- new NAME --publish '${exchange}' --stage ${stage}
Publish with it, within a minute:
  curl -i ${api}/publish/${encodeURIComponent(exchange)} -H 'Authorization: Bearer TOKEN' -d '{"hello":"world"}'`
}

await runCommand(USAGE, deploy)
