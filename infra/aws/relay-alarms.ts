import { readRelay } from '#lib/config-relay.ts'
import type { Resources } from '../cloudformation.ts'
import { type RelayEntry, relayEnv } from '../relays.ts'
import { alarm, type Metric } from './alarm.ts'
import type { Installation } from './installation.ts'
import { copying, relayId } from './relay-ids.ts'

/** As in infra/observability/alerts.yml. */
const BACKLOG_MESSAGES = 1000

/** For each copying relay, of what it writes once a minute (relay/emf.ts). */
export const relayAlarms = ({ relays }: Installation): Resources =>
  Object.assign({}, ...copying(relays).map(alarmsOf))

function alarmsOf(entry: RelayEntry): Resources {
  const { name } = entry
  const { stagingQueue } = readRelay(relayEnv(entry))
  const metric = (metricName: string): Metric => ({
    name: metricName,
    dimensions: { Staging: stagingQueue },
    statistic: 'Maximum',
  })
  return {
    [`${relayId(entry)}BacklogAlarm`]: alarm({
      description: `More than ${BACKLOG_MESSAGES} messages have waited for the relay ${name} for 15 minutes, or it does not run: docs/runbook.md#warrenbackloggrowing`,
      metrics: metric('Backlog'),
      periods: 3,
      above: BACKLOG_MESSAGES,
      missing: 'breaching',
    }),
    [`${relayId(entry)}ParkedAlarm`]: alarm({
      description: `Messages of the relay ${name} are parked: docs/runbook.md#warrenparked`,
      metrics: metric('Parked'),
      above: 0,
    }),
  }
}
