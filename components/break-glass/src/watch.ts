import type { Commands, RecordedThings } from '@countersign/commands';
import { type IncidentId, toInstant } from '@countersign/kernel';
import type { Alarm } from './alarm.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import type { createIncidentCommands } from './incident-commands.ts';
import type { IncidentState, StoredIncident } from './incident-state.ts';
import { nextDue, putOff } from './store.ts';
import { en } from './texts/en.ts';

const mostAtOnce = 100;
const retryMs = 10_000;

/** Handles the deadlines of incidents on every node; concurrent runs are harmless. */
export function createWatch(
  dependencies: Pick<BreakGlassDependencies, 'pool' | 'clock' | 'logger'> & {
    readonly alarm: Alarm;
    readonly things: RecordedThings<IncidentId, IncidentState, StoredIncident>;
    readonly commands: Commands;
    readonly changes: Pick<ReturnType<typeof createIncidentCommands>, 'lapse' | 'overdue'>;
  },
) {
  const { pool, clock, logger, alarm, things, commands, changes } = dependencies;

  /** Reviewers are reminded once; an incident that is not due yet is looked at when it is. */
  function waitFor(id: IncidentId): Promise<void> {
    return things.locked(id, async (incident, session) => {
      if (incident?.status === 'declared') return putOff(session, id, incident.secondBefore, false);
      if (incident?.status !== 'granted') return;
      const { holder, reference, reviewDueAt = 0, reminded } = incident;
      const text = en.notices.reviewDue(holder, reference, toInstant(reviewDueAt));
      if (!reminded) await alarm.tellReviewers(incident, { on: 'reminder', kind: 'break-glass-review-due', text });
      await putOff(session, id, reviewDueAt, true);
    });
  }

  async function look(id: IncidentId): Promise<void> {
    await commands.run(changes.lapse, { id });
    await commands.run(changes.overdue, { id });
    await waitFor(id);
  }

  return {
    async lookAtDue(): Promise<void> {
      for (let count = 0; count < mostAtOnce; count += 1) {
        const id = await nextDue(pool, clock.now());
        if (id === undefined) return;
        try {
          await look(id);
        } catch (error) {
          // The others are looked at all the same, and this one soon again.
          logger.error({ error, incident: id }, 'an emergency could not be carried on');
          await putOff(pool, id, clock.now() + retryMs, false);
        }
      }
    },
  };
}
