import { barX, plot, ruleX, ruleY } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { Row } from '../support/report.ts'
import { type SvgElement, svgFile } from './svg.ts'

const WIDTH = 720
const LABELS = 150
const BAR = 22

/** Medians as bars, one group per setting, with a line from least to most. @returns an SVG file */
export function drawChart(rows: readonly Row[], metric: string): string {
  const shown = rows.filter((row) => row.metric === metric)
  const settings = [...new Set(shown.map(({ setting }) => setting))]
  const { document } = parseHTML('<html></html>')
  const svg = plot({
    document: document as never, // linkedom's is not the type of a browser's.
    width: WIDTH,
    height: shown.length * BAR + settings.length * BAR + 2 * BAR,
    marginLeft: LABELS,
    marginRight: 60,
    x: { label: `${metric}, ${shown[0]?.unit ?? ''}`, grid: true },
    y: { label: null },
    fy: { label: null, domain: settings },
    marks: [
      barX(shown, { x: 'median', y: 'subject', fy: 'setting', fill: '#4c78a8' }),
      ruleY(shown, { x1: 'min', x2: 'max', y: 'subject', fy: 'setting', stroke: '#e45756' }),
      ruleX([0]),
    ],
  }) as unknown as SvgElement
  return svgFile(svg)
}
