import type { Commands, RecordedThings } from '@countersign/commands';
import { type IncidentId, toInstant } from '@countersign/kernel';
import type { Alarm } from './alarm.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import type { createIncidentCommands } from './incident-commands.ts';
import type { IncidentState, StoredIncident } from './incident-state.ts';
import { nextDue, putOff } from './store.ts';
import { en } from './texts/en.ts';

const maxAtOnce = 100;
const retryMs = 10_000;

/** Handles deadlines. It runs on every node; concurrent runs are harmless. */
export function createWatch(
  dependencies: Pick<BreakGlassDependencies, 'pool' | 'clock' | 'logger'> & {
    readonly alarm: Alarm;
    readonly things: RecordedThings<IncidentId, IncidentState, StoredIncident>;
    readonly commands: Commands;
    readonly changes: Pick<ReturnType<typeof createIncidentCommands>, 'lapse' | 'overdue'>;
  },
) {
  const { pool, clock, logger, alarm, things, commands, changes } = dependencies;

  /** Reminds reviewers once, and puts the incident off to its next deadline. */
  function waitFor(id: IncidentId): Promise<void> {
    return things.locked(id, async (incident, session) => {
      if (incident?.status === 'declared') return putOff(session, id, incident.secondBefore, false);
      if (incident?.status !== 'granted') return;
      const { holder, reference, reviewDueAt = 0, reminded } = incident;
      const text = en.notices.reviewDue(holder, reference, toInstant(reviewDueAt));
      if (!reminded) await alarm.notifyReviewers(incident, { on: 'reminder', kind: 'break-glass-review-due', text });
      await putOff(session, id, reviewDueAt, true);
    });
  }

  return {
    async handleDue(): Promise<void> {
      for (let count = 0; count < maxAtOnce; count += 1) {
        const id = await nextDue(pool, clock.now());
        if (id === undefined) return;
        try {
          await commands.run(changes.lapse, { id });
          await commands.run(changes.overdue, { id });
          await waitFor(id);
        } catch (error) {
          // This one is retried soon; the others continue.
          logger.error({ error, incident: id }, 'an incident could not be continued');
          await putOff(pool, id, clock.now() + retryMs, false);
        }
      }
    },
  };
}
