import type { RelayEntry } from '../relays.ts'

/**
 * What the logical ids of a listener's resources begin with: `RelayTopic1`, `RelayEuXorders` for
 * `eu-orders`. Names are of lower case, so no two share an id.
 */
export const relayId = ({ name }: Pick<RelayEntry, 'name'>): string =>
  `Relay${name[0]?.toUpperCase()}${name.slice(1).replaceAll('-', 'X')}`

/** The secret with the URL of a copying relay. */
export const relaySecretId = (entry: Pick<RelayEntry, 'name'>): string =>
  `${relayId(entry)}UrlSecret`

/** Those that run as a task. */
export const copying = (relays: readonly RelayEntry[]): readonly RelayEntry[] =>
  relays.filter(({ mode }) => mode === 'relay')
