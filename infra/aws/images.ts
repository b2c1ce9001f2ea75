import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { join as concat, ref, type Value } from '../cloudformation.ts'

/** The images that tasks on AWS are made of, and where each is described, from the top folder. */
export const IMAGES = { relay: 'relay/Dockerfile', edge: 'infra/edge/Dockerfile' } as const

export type ImageName = keyof typeof IMAGES

const CHECKOUT = join(import.meta.dirname, '..', '..')

/** The ECR repository of an image, e.g. `warren-dev/relay`: each stack has its own. */
export const repositoryOf = (stack: string, image: ImageName): string => `${stack}/${image}`

/**
 * The tag of an image: a digest of its Dockerfile and of all that this copies out of the checkout. So
 * a deployment finds what was pushed for it without being told, and what did not change keeps its tasks.
 */
export function imageTag(image: ImageName, checkout: string = CHECKOUT): string {
  const text = readFileSync(join(checkout, IMAGES[image]), 'utf8')
  const hash = createHash('sha256').update(text)
  for (const file of copiedBy(text).flatMap((path) => filesOf(checkout, path))) {
    const mayRun = (statSync(join(checkout, file)).mode & 0o100) !== 0
    hash.update(`\0${file}\0${mayRun}\0`).update(readFileSync(join(checkout, file)))
  }
  return hash.digest('hex').slice(0, 20)
}

/** The address of an image in the stack's account and region. */
export const imageUri = (image: ImageName): Value =>
  concat(
    ...[ref('AWS::AccountId'), '.dkr.ecr.', ref('AWS::Region'), '.', ref('AWS::URLSuffix'), '/'],
    ...[ref('AWS::StackName'), `/${image}:${imageTag(image)}`],
  )

/** What a Dockerfile takes from its context, in the order of their names. */
function copiedBy(dockerfile: string): string[] {
  const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)]
  return [...new Set(sources.flatMap(([, paths = '']) => paths.split(/\s+/)))].sort()
}

/** The files at or below a path, in order; Dockerfiles are in no image (.dockerignore). */
function filesOf(checkout: string, path: string): string[] {
  if (!statSync(join(checkout, path)).isDirectory()) return [path]
  return readdirSync(join(checkout, path))
    .filter((name) => name !== 'Dockerfile')
    .sort()
    .flatMap((name) => filesOf(checkout, join(path, name)))
}
