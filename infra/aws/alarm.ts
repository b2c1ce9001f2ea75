import { EMF_NAMESPACE } from '#lib/emf.ts'
import { type Resource, ref, type Value } from '../cloudformation.ts'

/** The topic's logical id: everyone who subscribes to it hears of every alarm, and of its end. */
export const ALARM_TOPIC = 'AlarmTopic'

/** A metric of CloudWatch. */
export interface Metric {
  /** @default Warren, ours; then `Stack` is one of the dimensions */
  readonly namespace?: string
  readonly name: Value
  readonly dimensions: Readonly<Record<string, Value>>
  /** `Sum`, `Maximum`, `p99`, … */
  readonly statistic: string
}

interface AlarmOptions {
  /** For a person who was woken up by it: what is the matter, and where to read on. */
  readonly description: string
  /** One metric, or several by name for `expression`. */
  readonly metrics: Metric | Readonly<Record<string, Metric>>
  /** Of CloudWatch's metric math, over the names of `metrics`. */
  readonly expression?: string
  /** Seconds of one data point. @default 300 */
  readonly period?: number
  /** Data points in a row. @default 1 */
  readonly periods?: number
  readonly above?: number
  readonly below?: number
  /** What it means that nothing was measured. @default well */
  readonly missing?: 'notBreaching' | 'breaching' | 'ignore'
}

/** An alarm that tells the topic when it begins and when it ends. */
export function alarm(options: AlarmOptions): Resource {
  const { description, above, below, periods = 1, missing = 'notBreaching' } = options
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmDescription: description,
      ...measured(options),
      EvaluationPeriods: periods,
      Threshold: (above ?? below) as number,
      ComparisonOperator: above === undefined ? 'LessThanThreshold' : 'GreaterThanThreshold',
      TreatMissingData: missing,
      AlarmActions: [ref(ALARM_TOPIC)],
      OKActions: [ref(ALARM_TOPIC)],
    },
  }
}

function measured({ metrics, expression, period = 300 }: AlarmOptions): {
  readonly [key: string]: Value
} {
  if (isMetric(metrics)) {
    const percentile = metrics.statistic.startsWith('p')
    return {
      ...metricOf(metrics),
      [percentile ? 'ExtendedStatistic' : 'Statistic']: metrics.statistic,
      Period: period,
    }
  }
  const parts = Object.entries(metrics).map(([Id, metric]) => ({
    Id,
    ReturnData: false,
    MetricStat: { Metric: metricOf(metric), Stat: metric.statistic, Period: period },
  }))
  return { Metrics: [...parts, { Id: 'alarm', Expression: expression as string }] }
}

const isMetric = (metrics: AlarmOptions['metrics']): metrics is Metric => 'statistic' in metrics

function metricOf({ namespace, name, dimensions }: Metric) {
  const all = namespace ? dimensions : { Stack: ref('AWS::StackName'), ...dimensions }
  return {
    Namespace: namespace ?? EMF_NAMESPACE,
    MetricName: name,
    Dimensions: Object.entries(all).map(([Name, value]) => ({ Name, Value: value })),
  }
}
