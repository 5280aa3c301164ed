import type { NoticeKind, PrincipalId } from '@countersign/contracts';
import { decodeBase64Url, derivedId, digestOf, type Json, type NoticeId, timeOfId } from '@countersign/kernel';
import type { BreakGlassSettings } from './config.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import type { IncidentState } from './incident-state.ts';

export type AlarmEvent = 'declared' | 'granted' | 'collected' | 'ended' | 'reviewed' | 'lapsed' | 'overdue';

type Concerned = Pick<IncidentState, 'id' | 'institution'>;
interface Notice {
  readonly on: AlarmEvent | 'reminder';
  readonly kind: NoticeKind;
  readonly text: string;
}

export type Alarm = ReturnType<typeof createAlarm>;

export function createAlarm(
  dependencies: Pick<BreakGlassDependencies, 'logger' | 'metrics' | 'notices'>,
  { reviewRoles }: Pick<BreakGlassSettings, 'reviewRoles'>,
) {
  const { logger, metrics, notices } = dependencies;
  const counter = metrics?.counter('countersign_break_glass_total', 'Emergency access, by event', ['event']);
  return {
    /** In the log and metrics of the process, which operators watch. It cannot fail. */
    sound(event: AlarmEvent, { id }: Concerned): void {
      counter?.inc({ event });
      logger.error({ incident: id, event }, 'emergency access');
    },
    /** On every channel to all reviewers of the institution; durable when this resolves, and sent once. */
    async notifyReviewers(incident: Concerned, { on, kind, text }: Notice): Promise<void> {
      const { id, institution } = incident;
      for (const role of reviewRoles) {
        const to = { role, institution };
        await notices.notify({
          id: noticeId(incident, { on, kind, text, to }),
          to,
          kind,
          text,
          facts: { incident: id },
        });
      }
    },
    async notify(incident: Concerned, person: PrincipalId, { on, kind, text }: Notice): Promise<void> {
      await notices.notify({ id: noticeId(incident, { on, kind, text, to: person }), to: person, kind, text });
    },
  };
}

/** A repeated step sends the same notice. */
function noticeId({ id }: Concerned, notice: Json): NoticeId {
  const bytes = decodeBase64Url(digestOf({ incident: id, notice }));
  if (bytes === undefined) throw new Error('a digest is not base64url');
  return derivedId('notice', timeOfId(id), bytes.subarray(0, 10));
}
