/** A table in Markdown, with an empty line after it. Nothing without rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  return `${line(head)}${line(head.map(() => '---'))}${rows.map(line).join('')}\n`
}

/** Puts texts between the marks `<!-- name -->` and `<!-- end -->` of a page. */
export const fillMarks = (page: string, texts: Readonly<Record<string, string>>): string =>
  page.replaceAll(/(<!-- ([a-z-]+) -->\n)[\s\S]*?(<!-- end -->)/g, (all, begin, name, end) =>
    name in texts ? `${begin}\n${texts[name]}${end}` : all,
  )
