import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BODIES } from './bodies.ts'
import { type Client, canSend } from './clients.ts'
import type { Front, Fronts } from './fronts.ts'
import { type Finding, judge, typeWithout } from './judge.ts'
import { runSnippet, valuesOf } from './snippet.ts'

/** One client before one front: every body that it can send, each with what became of it. */
export interface Cell {
  readonly client: Client
  readonly front: Front
  readonly findings: readonly (Finding & { readonly body: string })[]
}

/** The bodies as files where the snippets are run. */
export async function writeBodies(folder: string): Promise<void> {
  for (const { file, bytes } of BODIES) await writeFile(join(folder, file), bytes)
}

export async function runCell(
  client: Client,
  front: Front,
  fronts: Fronts,
  folder: string,
): Promise<Cell> {
  const findings: (Finding & { body: string })[] = []
  for (const body of BODIES.filter((each) => canSend(client, each))) {
    const ran = await runSnippet(client, valuesOf(body, fronts.urls[front], fronts.token), folder)
    const type = client.untyped ? typeWithout(body) : body.type
    findings.push({ body: body.name, ...judge(body, type, ran, await fronts.take()) })
  }
  return { client, front, findings }
}
