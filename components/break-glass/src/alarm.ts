import type { NoticeKind, PrincipalId } from '@countersign/contracts';
import { newId } from '@countersign/kernel';
import type { BreakGlassSettings } from './config.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import type { StoredIncident } from './store.ts';

/** What happened to emergency access, as the metric counts it. */
export type AlarmEvent = 'declared' | 'granted' | 'collected' | 'ended' | 'reviewed' | 'lapsed' | 'overdue';

export interface Alarm {
  /** In the log of the process, which operators watch, and in its metrics. At once; it cannot fail. */
  sound(event: AlarmEvent, incident: StoredIncident): void;
  /** Everybody of the institution who reviews, by every channel; durable when this resolves. */
  tellReviewers(incident: StoredIncident, kind: NoticeKind, text: string): Promise<void>;
  tell(person: PrincipalId, kind: NoticeKind, text: string): Promise<void>;
}

export function createAlarm(
  dependencies: Pick<BreakGlassDependencies, 'logger' | 'metrics' | 'notices' | 'clock' | 'random'>,
  { reviewRoles }: Pick<BreakGlassSettings, 'reviewRoles'>,
): Alarm {
  const { logger, metrics, notices, clock, random } = dependencies;
  const counter = metrics?.counter('countersign_break_glass_total', 'Emergency access, by what happened to it', [
    'event',
  ]);
  const noticeId = () => newId('notice', { clock, random });
  return {
    sound(event, { id }) {
      counter?.inc({ event });
      logger.error({ incident: id, event }, 'emergency access');
    },
    async tellReviewers({ id, institution }, kind, text) {
      for (const role of reviewRoles)
        await notices.tell({ id: noticeId(), to: { role, institution }, kind, text, facts: { incident: id } });
    },
    async tell(person, kind, text) {
      await notices.tell({ id: noticeId(), to: person, kind, text });
    },
  };
}
