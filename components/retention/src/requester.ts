import type { Actor, Caller } from '@countersign/contracts';

/** Who asks, with everybody through whom they ask: two people are two only where none is among the other's. */
export interface Requester {
  readonly actor: Actor;
  /** Principals of the acting chain. */
  readonly chain: readonly string[];
  readonly client?: string;
}

export function requesterOf({ subject, institution, actors, client }: Caller): Requester {
  return { actor: { id: subject, institution }, chain: actors, client };
}

export function peopleOf({ actor, chain }: Pick<Requester, 'actor' | 'chain'>): readonly string[] {
  return [...new Set([actor.id, ...chain])];
}
