import type { Json } from '@countersign/kernel';
import { readString } from './claims.ts';
import { actChainErrors } from './errors.ts';

/** With the current actor, without the subject. */
export const maxActors = 4;

/** RFC 8693 section 4.1: current actor outermost. */
export interface ActClaim {
  readonly sub: string;
  readonly act?: ActClaim;
}

/**
 * Principal ids, current actor first; empty if absent. @throws CodedError `act_malformed` also for unknown members,
 * which must not be passed on; `act_too_deep`, `act_loop`
 */
export function parseActChain(act: Json | undefined): readonly string[] {
  const actors: string[] = [];
  for (let level = act; level !== undefined; ) {
    if (typeof level !== 'object' || level === null || Array.isArray(level)) throw malformed();
    // An object, as checked.
    const members = level as { readonly [key: string]: Json };
    const actor = readString(members, 'sub', 256);
    if (actor === undefined || Object.keys(members).some((name) => name !== 'sub' && name !== 'act')) throw malformed();
    if (actors.length === maxActors) throw tooDeep();
    if (actors.includes(actor)) throw loop(actor);
    actors.push(actor);
    level = members['act'];
  }
  return actors;
}

/**
 * Adds the current actor. @throws CodedError `act_too_deep`; `act_loop` if authority would return to an earlier holder
 */
export function pushActor(actors: readonly string[], actor: string, subject: string): readonly string[] {
  if (actor === subject || actors.includes(actor)) throw loop(actor);
  if (actors.length >= maxActors) throw tooDeep();
  return [actor, ...actors];
}

/** Undefined if the subject acts itself. */
export function actClaimOf(actors: readonly string[]): ActClaim | undefined {
  return actors.reduceRight<ActClaim | undefined>(
    (inner, sub) => (inner === undefined ? { sub } : { sub, act: inner }),
    undefined,
  );
}

function malformed() {
  return actChainErrors.error(
    'act_malformed',
    'An act claim must be an object with sub and, for the actor before, act.',
  );
}

function tooDeep() {
  return actChainErrors.error('act_too_deep', `The chain of actors may not be longer than ${maxActors}.`);
}

function loop(actor: string) {
  return actChainErrors.error('act_loop', `${actor} is already the subject or an actor of this token.`, {
    facts: { actor },
  });
}
