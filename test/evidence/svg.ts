/** What the plotting library makes, outside of a browser. */
export interface SvgElement {
  setAttribute(name: string, value: string): void
  readonly outerHTML: string
}

/** The text of a file that shows the chart on any background. */
export function svgFile(svg: SvgElement): string {
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  svg.setAttribute('style', 'background: white; color: black')
  return `${svg.outerHTML}\n`
}
