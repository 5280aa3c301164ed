import { defined } from '@countersign/kernel';
import type { Actor, RecordDraft } from './audit-log.ts';
import { actorOf, type Caller } from './authorization-server.ts';

/**
 * Who asks for what takes two people, or decides on it, with everybody through whom they do: two people are two only where
 * none of the one is among the other's.
 */
export interface Requester extends Actor {
  /** Principals of the acting chain, current actor first. */
  readonly through?: readonly string[];
}

/** The caller with everybody through whom they ask. */
export function requesterOf(caller: Pick<Caller, 'subject' | 'institution' | 'actors'>): Required<Requester> {
  return { ...actorOf(caller), through: caller.actors };
}

/** By principal id: who asks, then everybody through whom they do, current actor first. */
export function peopleOf({ id, through = [] }: Pick<Requester, 'id' | 'through'>): readonly string[] {
  return [id, ...through];
}

/** Whether somebody has a part on both sides: then they are not two people. */
export function sharePeople(one: readonly string[], other: readonly string[]): boolean {
  return one.some((person) => other.includes(person));
}

/** As records name who asks and the acting chain. */
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
