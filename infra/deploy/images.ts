import {
  CreateRepositoryCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  PutLifecyclePolicyCommand,
} from '@aws-sdk/client-ecr'
import { hasEdge } from '#infra/aws/cluster.ts'
import { IMAGES, type ImageName, imageTag, repositoryOf } from '#infra/aws/images.ts'
import { copying } from '#infra/aws/relay-ids.ts'
import { say } from './command.ts'
import { runProgram } from './programs.ts'
import type { Target } from './target.ts'

/** The processors that the tasks run on. */
const PLATFORM = 'linux/arm64'
/** Images of former deployments that are kept, for a rollback. */
const IMAGES_KEPT = 10

/** The images that this installation has tasks of. */
export function neededImages({ installation }: Target): readonly ImageName[] {
  const relay: ImageName[] = copying(installation.relays).length > 0 ? ['relay'] : []
  return hasEdge(installation) ? [...relay, 'edge'] : relay
}

/**
 * Builds and pushes the images that a deployment of this checkout will ask for. What was pushed before
 * under the same tag, which is a digest of all that an image is made of, is left as it is.
 * @throws {Error} Docker or ECR refuses
 */
export async function pushImages(target: Target): Promise<void> {
  const ecr = new ECRClient({ region: target.region })
  let isLoggedIn = false
  for (const image of neededImages(target)) {
    const repository = repositoryOf(target.stack, image)
    const address = await makeRepository(ecr, repository)
    const tag = imageTag(image, target.checkout)
    if (await isPushed(ecr, repository, tag)) {
      say(`${repository}:${tag} is there already`)
      continue
    }
    if (!isLoggedIn) await logIn(ecr, target.checkout)
    isLoggedIn = true
    await build(target.checkout, image, `${address}:${tag}`)
  }
}

/** Its address. Tags never move: what was deployed once can be deployed again. */
async function makeRepository(ecr: ECRClient, repositoryName: string): Promise<string> {
  const create = new CreateRepositoryCommand({
    repositoryName,
    imageTagMutability: 'IMMUTABLE',
    imageScanningConfiguration: { scanOnPush: true },
  })
  const made = await ecr.send(create).catch((error: Error) => {
    if (error.name === 'RepositoryAlreadyExistsException') return undefined
    throw error
  })
  if (made === undefined) return addressOf(ecr, repositoryName)
  const lifecyclePolicyText = JSON.stringify({ rules: [KEEP_THE_LAST] })
  await ecr.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText }))
  say(`${repositoryName} was made`)
  return made.repository?.repositoryUri as string
}

const KEEP_THE_LAST = {
  rulePriority: 1,
  selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: IMAGES_KEPT },
  action: { type: 'expire' },
}

async function addressOf(ecr: ECRClient, repositoryName: string): Promise<string> {
  const found = await ecr.send(
    new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }),
  )
  return found.repositories?.[0]?.repositoryUri as string
}

async function isPushed(ecr: ECRClient, repositoryName: string, imageTag: string) {
  const imageIds = [{ imageTag }]
  try {
    await ecr.send(new DescribeImagesCommand({ repositoryName, imageIds }))
    return true
  } catch (error) {
    if ((error as Error).name === 'ImageNotFoundException') return false
    throw error
  }
}

/** Docker keeps the password as it keeps others (docker login); ECR's is good for 12 hours. */
async function logIn(ecr: ECRClient, cwd: string): Promise<void> {
  const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}))
  const [given] = authorizationData ?? []
  const text = Buffer.from(given?.authorizationToken ?? '', 'base64').toString()
  const [user = '', input = ''] = text.split(':')
  const registry = new URL(given?.proxyEndpoint ?? '').host
  const args = ['login', '--username', user, '--password-stdin', registry]
  await runProgram('docker', args, { cwd, input })
}

async function build(cwd: string, image: ImageName, name: string): Promise<void> {
  const file = ['--file', IMAGES[image]]
  await runProgram('docker', ['build', '--platform', PLATFORM, ...file, '--tag', name, '.'], {
    cwd,
  })
  await runProgram('docker', ['push', name], { cwd })
}
