import { formula, type Growth } from '../support/growth.ts'
import type { Report, Row } from '../support/report.ts'
import { drawChart } from './chart.ts'
import { drawCurves } from './curves.ts'
import { PROGRAMS, type Program, type Run } from './runs.ts'
import { fillScale } from './scale.ts'
import { fillMarks, table } from './tables.ts'

/** The files of the page by their paths below docs/. */
export type Pages = Readonly<Record<string, string>>

const HEAD = `# Evidence

What Warren claims, measured by programs that are in this repository. Each section says which command
made it, when, and on which machine; run it on yours. This page is made from the runs’ own output by
\`npm run evidence\`, and a test compares the two.

Figures are medians of interleaved rounds, with the least and the most; ratios are medians of the
quotients of each round. A red line in a chart goes from the least to the most. Where a figure was measured
over a number n, the law is fitted by least squares of the relative deviations, whose root mean square is what
it is off by; dots in a chart are what was measured, the line is the law.
`

const UNTESTED = `## What was not tested

- AWS itself: the stack is deployed to a stand-in of our own, never to an account.
- A network between machines: brokers, gateways and callers share one machine, and its two cores.
- A disk that fails, or that says that it has written what it has not.
- More than a day: no run here is longer than an hour.
`

/** Pages as they are: only their tables are made. */
export interface Written {
  /** docs/scale.md */
  readonly scale: string
  /** README.md */
  readonly readme: string
}

/** Makes the page, and its charts, from what the programs printed. */
export function makePages(runs: Readonly<Record<string, Run>>, { scale, readme }: Written): Pages {
  const known = Object.entries(PROGRAMS).filter(([name]) => runs[name] !== undefined)
  const missing = Object.entries(PROGRAMS).filter(([name]) => runs[name] === undefined)
  const pages: Record<string, string> = {}
  const sections = known.map(([name, program]) => {
    const run = runs[name] as Run
    for (const metric of program.charts) {
      pages[`evidence/${chartName(name, metric)}`] = drawChart(run.report.rows, metric)
    }
    for (const [figure, growths] of curvesOf(run.report)) {
      pages[`evidence/${chartName(name, figure)}`] = drawCurves(growths)
    }
    return section(name, program, run)
  })
  pages['scale.md'] = runs['growth'] ? fillScale(scale, runs['growth'].report) : scale
  pages['../README.md'] = fillMarks(readme, {
    evidence: table(
      ['claim', 'what was found'],
      known.map(([name, program]) => [program.claim, found(program, runs[name] as Run)]),
    ),
  })
  const absent = missing.map(
    ([, { title, command }]) =>
      `- ${title}: \`npm run ${command.join(' ')}\` has not been run for this page.\n`,
  )
  pages['evidence.md'] = [HEAD, ...sections, UNTESTED.trimEnd(), `\n${absent.join('')}`].join('\n')
  return pages
}

/** The verdict, with a link to its section of the page. */
const found = ({ title }: Program, { verdict }: Run) =>
  `[${verdict}](docs/evidence.md#${title.toLowerCase().replaceAll(' ', '-')})`

const chartName = (name: string, metric: string) => `${name}-${metric.replaceAll(' ', '-')}.svg`

/** What is drawn into one chart: the same figure over the same number, of all subjects. */
const curvesOf = ({ growths = [] }: Report): ReadonlyMap<string, readonly Growth[]> =>
  Map.groupBy(growths, ({ metric, over }) => `${metric} over ${over}`)

function section(name: string, { title, about, charts }: Program, run: Run): string {
  const { report } = run
  const images = [...charts, ...curvesOf(report).keys()].map(
    (figure) => `![${title}: ${figure}](evidence/${chartName(name, figure)})\n\n`,
  )
  return `## ${title}

${about}

\`\`\`
${run.verdict}
\`\`\`

${targets(report)}${ratios(report)}${laws(report)}${images.join('')}${details(report)}\`npm run ${run.command}\`, ${run.at.slice(0, 10)}, ${run.minutes} min: ${machine(run)}.
${report.notes.map((note) => `\n> ${note}\n`).join('')}`
}

const machine = (run: Run) =>
  Object.entries(run.machine)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')

const targets = ({ targets: all }: Report) =>
  table(
    ['target', 'goal', 'stretch', 'got', ''],
    all.map(({ what, goal, stretch, got, met }) => [
      what,
      figure(goal),
      stretch === undefined ? '' : figure(stretch),
      figure(got),
      met ? 'met' : '**short**',
    ]),
  )

const ratios = ({ ratios: all }: Report) =>
  table(
    ['of', 'to', 'setting', 'metric', 'ratio'],
    all.map(({ of, to, setting, metric, median }) => [of, to, setting, metric, figure(median)]),
  )

const laws = ({ growths = [] }: Report) =>
  table(
    ['figure', 'n', 'subject', 'law', 'off by', 'unit'],
    growths.map((growth) => [
      growth.metric,
      growth.over,
      growth.subject,
      formula(growth),
      `${Math.round(100 * growth.residual)} %`,
      growth.unit,
    ]),
  )

/** All rows, folded away. */
function details({ rows }: Report): string {
  if (rows.length === 0) return ''
  const cells = ({ subject, setting, metric, median, min, max, unit }: Row) => [
    subject,
    setting,
    metric,
    ...[median, min, max].map(figure),
    unit,
  ]
  const all = table(
    ['subject', 'setting', 'metric', 'median', 'min', 'max', 'unit'],
    rows.map(cells),
  )
  return `<details><summary>All figures</summary>\n\n${all}</details>\n\n`
}

const figure = (value: number): string =>
  Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
