import type { NoticeKind, PrincipalId } from '@countersign/contracts';
import { decodeBase64Url, derivedId, digestOf, type Json, type NoticeId, timeOfId } from '@countersign/kernel';
import type { BreakGlassSettings } from './config.ts';
import type { BreakGlassDependencies } from './dependencies.ts';
import type { IncidentState } from './incident-state.ts';

/** What happened to emergency access, as the metric counts it. */
export type AlarmEvent = 'declared' | 'granted' | 'collected' | 'ended' | 'reviewed' | 'lapsed' | 'overdue';

type Concerned = Pick<IncidentState, 'id' | 'institution'>;
interface Notice {
  readonly on: AlarmEvent | 'reminder';
  readonly kind: NoticeKind;
  readonly text: string;
}

export interface Alarm {
  /** In the log of the process, which operators watch, and in its metrics. At once; it cannot fail. */
  sound(event: AlarmEvent, incident: Concerned): void;
  /** Everybody of the institution who reviews, by every channel; durable when this resolves, and once however often it is asked for. */
  tellReviewers(incident: Concerned, notice: Notice): Promise<void>;
  /** The same for one person. */
  tell(incident: Concerned, person: PrincipalId, notice: Notice): Promise<void>;
}

export function createAlarm(
  dependencies: Pick<BreakGlassDependencies, 'logger' | 'metrics' | 'notices'>,
  { reviewRoles }: Pick<BreakGlassSettings, 'reviewRoles'>,
): Alarm {
  const { logger, metrics, notices } = dependencies;
  const counter = metrics?.counter('countersign_break_glass_total', 'Emergency access, by what happened to it', [
    'event',
  ]);
  return {
    sound(event, { id }) {
      counter?.inc({ event });
      logger.error({ incident: id, event }, 'emergency access');
    },
    async tellReviewers(incident, { on, kind, text }) {
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
    async tell(incident, person, { on, kind, text }) {
      await notices.notify({ id: noticeId(incident, { on, kind, text, to: person }), to: person, kind, text });
    },
  };
}

/** Whoever repeats a step tells it again under the same id. */
function noticeId({ id }: Concerned, notice: Json): NoticeId {
  const bytes = decodeBase64Url(digestOf({ incident: id, notice }));
  if (bytes === undefined) throw new Error('a digest is not in base64url');
  return derivedId('notice', timeOfId(id), bytes.subarray(0, 10));
}
