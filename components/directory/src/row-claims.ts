import type { Claim } from '@countersign/contracts';
import type { NewDeparture } from './departures/store.ts';

// What decides in rows of departures, as records say it and as rows are held against them (docs/adr/0043).

/** What ends by a departure is recorded as done by whoever made it. */
export function departureClaim(departure: NewDeparture): Claim {
  const { id, kind, principal, institution, at, by, reason, recordId, completionRecord } = departure;
  return {
    of: `departure:${id}`,
    content: {
      ...{ kind, principal, institution: institution ?? null, at: at.getTime(), reason },
      by: { id: by.id, institution: by.institution ?? null },
      records: [recordId, completionRecord],
    },
  };
}
