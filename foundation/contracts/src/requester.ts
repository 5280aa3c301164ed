import { defined, type RecordId } from '@countersign/kernel';
import type { Actor, EvidenceRecord, RecordDraft } from './audit-log.ts';
import { actorOf, type Caller } from './authorization-server.ts';

/**
 * The proposer or approver of a change under dual control, with the acting chain. Two requesters count as two people only if
 * their chains have nobody in common.
 */
export interface Requester extends Actor {
  /** Principals of the acting chain, current actor first. */
  readonly through?: readonly string[];
}

/** The caller with the acting chain. */
export function requesterOf(caller: Pick<Caller, 'subject' | 'institution' | 'actors'>): Required<Requester> {
  return { ...actorOf(caller), through: caller.actors };
}

/** Principal ids: the requester, then the acting chain, current actor first. */
export function peopleOf({ id, through = [] }: Pick<Requester, 'id' | 'through'>): readonly string[] {
  return [id, ...through];
}

/** Whether somebody is on both sides, so that they do not count as two people. */
export function sharePeople(one: readonly string[], other: readonly string[]): boolean {
  return one.some((person) => other.includes(person));
}

/** The members of a record that name the requester and the acting chain. */
export function recordedRequester({
  id,
  institution,
  through = [],
}: Requester): Required<Pick<RecordDraft, 'subject'>> & Pick<RecordDraft, 'actors'> {
  return {
    subject: { id, ...defined({ institution }) },
    ...(through.length === 0 ? {} : { actors: through.map((each) => ({ id: each })) }),
  };
}

/** What somebody did, as its record says it: the reverse of {@link recordedRequester}. */
export interface RecordedAction {
  readonly record: RecordId;
  readonly by: Actor;
  /** Principal ids: the actor and everyone in the acting chain, each once. */
  readonly people: readonly string[];
  /** RFC 3339. */
  readonly at: string;
  readonly reason?: string;
}

/** @param reason the stated reason, where the record has one */
export function actionOf(record: EvidenceRecord, reason?: string): RecordedAction {
  const { id, time, subject = { id: record.source }, actors = [] } = record;
  return {
    record: id,
    by: subject,
    people: [...new Set([subject.id, ...actors.map((actor) => actor.id)])],
    at: time,
    ...defined({ reason }),
  };
}
