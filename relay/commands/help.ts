import { COMMANDS, type Command } from './args.ts'

const WHOLE = `Usage: node relay/main.ts [COMMAND] [OPTIONS]

A relay copies the messages of EXCHANGE to QUEUE_TOPIC, and lets go of each only once its copy is safe.

  run      copy until SIGTERM or SIGINT (the default)
  check    compare what is on the broker with the settings; changes nothing
  replay   put parked messages back into the staging queue
  detach   retire the listener: unbind, drain and delete its staging queue

  node relay/main.ts COMMAND --help   says more about one of them

All settings are environment variables, the same for every command: see the tables in the README.
Results go to standard output, the log of check, replay and detach to standard error.

Exit codes: 0 done
            1 the broker cannot be reached, or failed on the way
            2 wrong usage or settings, or the broker refuses the login; nothing was done
            3 not done, or not as it should be: see the command
`

const RUN = `Usage: node relay/main.ts [run]

Copies the messages of EXCHANGE to QUEUE_TOPIC until SIGTERM or SIGINT, through a staging queue that
keeps them while the destination does not take them. Missing exchanges, queues and bindings are
declared, existing ones adopted as they are. With RELAY_MODE=bind nothing is copied: the relay declares,
binds and watches.

Exit codes: 0 stopped in order
            1 it failed
            2 wrong usage or settings, or the broker refuses the login
`

const CHECK = `Usage: node relay/main.ts check [--management URL] [--json]

Compares exchange, queues and binding on the broker with the settings, and changes nothing. Says what
is there, what would be declared, what differs (in the broker's words: it names one difference at a
time), and which bindings are stale: they bring messages that the settings do not ask for.

  --management URL   the broker's management API, e.g. http://host:15672, with USER:PASS@ before the
                     host if its login is not the relay's. AMQP cannot list bindings: without this
                     option they are not checked
  --json             one JSON object

To compare, the relay's user needs the right to configure; what it may not compare is listed as unknown
and does not count as different.

Exit codes: 0 all that was checked is as the settings say
            1 the broker or its management API cannot be reached
            2 wrong usage or settings, or the broker refuses the login
            3 something would be declared, differs, or is stale
`

const REPLAY = `Usage: node relay/main.ts replay [FILTERS] [--count N] [--dry-run] [--json]

Puts messages from the parking queue back into the staging queue, never into the exchange: there every
other listener would get them again. Each is confirmed in the staging queue before it leaves the
parking queue. The relay may run meanwhile.

  --reason WORD          why it was parked: refused-by-broker, headers-too-large, too-many-hops,
                         unreadable-properties, unroutable; of the broker itself: delivery_limit,
                         rejected
  --message-id ID
  --routing-key PATTERN  of the original message; * is one word, # any number of words
  --header NAME=VALUE    compared as text
  --count N              at most N messages, the oldest first
  --dry-run              only list what would be replayed
  --json                 one JSON object

A filter may be given several times: any of them. Different filters: all of them. Without a filter all
messages are replayed that were parked when the command started. Messages whose time to live is over
stay, as does what cannot be read, and what the filters leave out: in its place, in its order.

What was looked at and stays counts as delivered once more, after a dry run, too. A parking queue that a
relay declared allows 1,000,000 deliveries; one with a lower x-delivery-limit drops a message after that
many. Up to 65,535 messages that stay can be passed over in one run.

A message that is replayed carries the header x-relay-replays (how often) and x-relay-last-reason; its
former x-relay-reason, -error and -parked-at are gone until it is parked again.

Exit codes: 0 all that was selected is replayed (or nothing was selected)
            1 the broker cannot be reached, or failed on the way: what stayed may be in staging, too
            2 wrong usage or settings, or the broker refuses the login
            3 there is no parking or staging queue, or the command was interrupted
`

const DETACH = `Usage: node relay/main.ts detach [--timeout SECONDS] [--json]

Retires a listener for good. Stop its relay first: while the staging queue has a consumer, nothing is
done. (A relay that pauses because its destination refuses has none for a while, and cannot be seen.)
Then the binding is removed, what waits in the staging queue is forwarded as the relay would, and
the empty staging queue is deleted. A parking queue that holds messages is kept, an empty one deleted.
EXCHANGE and QUEUE_TOPIC always stay.

With RELAY_MODE=bind the binding of QUEUE_TOPIC is removed and nothing deleted. A relay that still runs
would bind again, and cannot be seen: stop it first.

  --timeout SECONDS   how long forwarding may take (default 300). What is left then stays in the
                      staging queue, unbound; run the command again
  --json              one JSON object

The binding that is removed is the one of the settings. Others, from earlier settings (check lists them),
go with the staging queue; until then they may bring messages.

Exit codes: 0 retired (also when it was before)
            1 the broker cannot be reached, or failed on the way
            2 wrong usage or settings, or the broker refuses the login
            3 the relay still runs, or forwarding was not finished in time
`

const TEXTS: Readonly<Record<Command['name'], string>> = {
  run: RUN,
  check: CHECK,
  replay: REPLAY,
  detach: DETACH,
}

const HELP = ['--help', '-h', 'help']

/** The help that is asked for, of one command or of all; undefined: none is. */
export function helpFor(args: readonly string[]): string | undefined {
  const [first = ''] = args
  if (!HELP.includes(first) && !args.includes('--help') && !args.includes('-h')) return undefined
  const name = COMMANDS.find((command) => args.slice(0, 2).includes(command))
  return name === undefined ? WHOLE : TEXTS[name]
}
