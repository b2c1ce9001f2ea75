import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '#infra/local/settings.ts'

/** The fenced blocks of one language, e.g. `sh`. */
export const codeBlocks = (markdown: string, language: string): string[] =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    (match) => match[1] as string,
  )

/** The rows of every table whose first column has this heading, cells without their backticks. */
export function tableRows(markdown: string, heading: string): string[][][] {
  return markdown
    .split(/\n(?!\|)/)
    .map((part) => part.split('\n').filter((line) => line.startsWith('|')))
    .filter(([first]) => first !== undefined && cells(first)[0] === heading)
    .map((lines) => lines.slice(2).map(cells))
}

const cells = (line: string): string[] =>
  line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1'))

/** The targets of all links. */
export const linkTargets = (markdown: string): string[] =>
  [...markdown.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1] as string)

/** The anchors that GitHub gives to the headings. */
export const headingAnchors = (markdown: string): string[] =>
  [...withoutCode(markdown).matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

const withoutCode = (markdown: string) => markdown.replace(/^```.*?^```$/gms, '')

/** The bold beginnings of the numbered steps in the section with this heading. */
export function stepsUnder(markdown: string, heading: string): string[] {
  const [, section = ''] = markdown.split(new RegExp(`^#+ ${heading}$`, 'm'))
  const [own = ''] = section.split(/^#/m)
  return [...own.matchAll(/^\d+\. \*\*(.+?)\*\*/gm)].map((match) => match[1] as string)
}

/** Links of a file of this checkout to files or sections that are not there. */
export function deadLinks(file: string, text: string): string[] {
  return linkTargets(text).filter((target) => {
    if (/^https?:/.test(target)) return false
    const [path, anchor] = target.split('#') as [string, string?]
    const linked = join(ROOT, path === '' ? file : join(dirname(file), path))
    if (!existsSync(linked)) return true
    return anchor !== undefined && !headingAnchors(readFileSync(linked, 'utf8')).includes(anchor)
  })
}
