import { dot, line, plot, text } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { type Growth, valueAt } from '../support/growth.ts'
import { type SvgElement, svgFile } from './svg.ts'

const WIDTH = 640
const HEIGHT = 300
/** Of a fitted law, so that it looks smooth. */
const STEPS = 60
/** One for each subject. */
const COLORS = ['#4c78a8', '#f58518', '#54a24b']

/** Dots for what was measured, lines for the laws; one colour per subject. @returns an SVG file */
export function drawCurves(growths: readonly Growth[]): string {
  const [{ metric, unit, over, law }] = growths as [Growth]
  const { document } = parseHTML('<html></html>')
  const svg = plot({
    document: document as never, // linkedom's is not the type of a browser's.
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 70,
    marginRight: 100,
    x: { type: 'log', label: over, grid: true, tickFormat: String, ticks: ticksOf(growths) },
    y: {
      label: [metric, unit].filter(Boolean).join(', '),
      grid: true,
      ...(law === 'line' && { zero: true }),
    },
    marks: growths.flatMap((growth, i) => marksOf(growth, COLORS[i % COLORS.length] as string)),
  }) as unknown as SvgElement
  return svgFile(svg)
}

function marksOf(growth: Growth, color: string) {
  const { points, subject } = growth
  const end = points.slice(-1)
  return [
    line(fitted(growth), { x: 'x', y: 'y', stroke: color, strokeOpacity: 0.5 }),
    dot(points, { x: 'x', y: 'y', fill: color }),
    text(end, { x: 'x', y: 'y', text: [subject], fill: color, textAnchor: 'start', dx: 8 }),
  ]
}

function fitted(growth: Growth) {
  const numbers = growth.points.map(({ x }) => x)
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)]
  return Array.from({ length: STEPS + 1 }, (_, i) => {
    const x = least * (most / least) ** (i / STEPS)
    return { x, y: valueAt(growth, x) }
  })
}

/** Where something was measured. */
const ticksOf = (growths: readonly Growth[]) => [
  ...new Set(growths.flatMap(({ points }) => points.map(({ x }) => x))),
]
