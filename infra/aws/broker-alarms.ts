import { type Resources, ref } from '../cloudformation.ts'
import { alarm, type Metric } from './alarm.ts'
import type { Installation } from './installation.ts'
import { SIZES } from './sizes.ts'

/** Of Amazon MQ's metrics; for RabbitMQ 4 it has none of single queues. */
const broker = (name: string, statistic: 'Maximum' | 'Minimum'): Metric => ({
  namespace: 'AWS/AmazonMQ',
  name,
  dimensions: { Broker: ref('AWS::StackName') },
  statistic,
})

/** How much of what there is may be in use before somebody should look. */
const FULL_PERCENT = 80
/** RabbitMQ takes no messages any more at its limit: look while twice as much is free. */
const DISK_MARGIN = 2

export function brokerAlarms(installation: Installation): Resources {
  if (installation.broker.kind !== 'amazonmq') return {}
  const { connectionMax } = SIZES[installation.broker.size]
  return {
    BrokerDiskAlarm: alarm({
      description: "The broker's disk is nearly full: docs/runbook.md#warrenbrokerblocked",
      metrics: {
        free: broker('RabbitMQDiskFree', 'Minimum'),
        limit: broker('RabbitMQDiskFreeLimit', 'Maximum'),
      },
      expression: 'free / limit',
      below: DISK_MARGIN,
      missing: 'breaching',
      periods: 3,
    }),
    BrokerMemoryAlarm: alarm({
      description: "The broker's memory is nearly full: docs/runbook.md#warrenbrokerblocked",
      metrics: {
        used: broker('RabbitMQMemUsed', 'Maximum'),
        limit: broker('RabbitMQMemLimit', 'Minimum'),
      },
      expression: '100 * used / limit',
      above: FULL_PERCENT,
      missing: 'breaching',
      periods: 3,
    }),
    BrokerConnectionsAlarm: alarm({
      description: `More than ${FULL_PERCENT} % of the broker's ${connectionMax} connections are open (docs/aws.md)`,
      metrics: broker('ConnectionCount', 'Maximum'),
      above: (FULL_PERCENT / 100) * connectionMax,
    }),
    RotationAlarm: alarm({
      description: 'A password of the broker was not rotated; the old one stays good (docs/aws.md)',
      metrics: {
        namespace: 'AWS/Lambda',
        name: 'Errors',
        dimensions: { FunctionName: ref('RotationLambdaFunction') },
        statistic: 'Sum',
      },
      above: 0,
    }),
  }
}
