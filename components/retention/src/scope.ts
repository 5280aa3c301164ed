import {
  type AuditLog,
  type HoldScope,
  kindOfPrincipal,
  parseClientId,
  parsePrincipalId,
  peopleOf,
  type RecordType,
  recordTypes,
  retentionClassOf,
  retentionErrors,
} from '@countersign/contracts';
import { parseId, parseInstant, toInstant } from '@countersign/kernel';
import type { Requester } from './dependencies.ts';

/** Times in RFC 3339. */
export type WrittenScope = {
  readonly [Name in keyof HoldScope]: Name extends 'types' ? readonly string[] : string;
};

const leiPattern = /^[A-Z0-9]{18}[0-9]{2}$/;

/** All criteria must match, and there must be at least one. @throws CodedError `retention_malformed` */
export function readScope(written: WrittenScope): HoldScope {
  const { transaction, person, agent, client, mandate, partner, institution, decision, types, from, until } = written;
  const scope: HoldScope = {
    ...(transaction === undefined ? {} : { transaction: parsed('transaction', parseId('transaction', transaction)) }),
    ...(person === undefined ? {} : { person: parsed('person', principal(person, true)) }),
    ...(agent === undefined ? {} : { agent: parsed('agent', principal(agent, false)) }),
    ...(client === undefined ? {} : { client: parsed('client', parseClientId(client)) }),
    ...(mandate === undefined ? {} : { mandate: parsed('mandate', parseId('mandate', mandate)) }),
    ...(partner === undefined ? {} : { partner: parsed('partner', parseLei(partner)) }),
    ...(institution === undefined ? {} : { institution: parsed('institution', parseLei(institution)) }),
    ...(decision === undefined ? {} : { decision: parsed('decision', parseId('record', decision)) }),
    ...(types === undefined ? {} : { types: types.map((type) => parsed('types', typeNamed(type))) }),
    ...(from === undefined ? {} : { from: parsed('from', parseInstant(from)) }),
    ...(until === undefined ? {} : { until: parsed('until', parseInstant(until)) }),
  };
  if (Object.keys(scope).length === 0 || scope.types?.length === 0)
    throw malformed('A hold names what it keeps; to keep everything, name `from` the beginning.');
  if (scope.from !== undefined && scope.until !== undefined && scope.from >= scope.until)
    throw malformed('A hold begins before it ends.');
  return scope;
}

/** Reading evidence is no part in a transaction. */
const typesOfParts = recordTypes.filter((type) => retentionClassOf(type) !== 'custody');

export function writeScope({ types, from, until, ...named }: HoldScope): WrittenScope {
  return {
    ...named,
    ...(types === undefined ? {} : { types: [...types] }),
    ...(from === undefined ? {} : { from: toInstant(from) }),
    ...(until === undefined ? {} : { until: toInstant(until) }),
  };
}

/**
 * Whether a hold is about the requester: it names them, or something in which they took part. People who only read or
 * exported evidence took no part.
 */
export async function isAbout(scope: HoldScope, requester: Requester, log: Pick<AuditLog, 'query'>): Promise<boolean> {
  const people = peopleOf(requester);
  if (people.some((one) => one === scope.person || one === scope.agent)) return true;
  if (requester.client !== undefined && requester.client === scope.client) return true;
  const { transaction, mandate, decision } = scope;
  const named = [
    ...(transaction === undefined ? [] : [{ transaction }]),
    ...(mandate === undefined ? [] : [{ mandate }]),
    ...(decision === undefined ? [] : [{ decision }]),
  ];
  for (const thing of named)
    for (const one of people) {
      const taking = one.startsWith('person:') ? { person: one } : { agent: one };
      if ((await log.query({ ...thing, ...taking, types: typesOfParts, limit: 1 })).length > 0) return true;
    }
  return false;
}

function parsed<Value>(name: keyof WrittenScope, value: Value | undefined): Value {
  if (value === undefined) throw malformed(`\`${name}\` of a hold is malformed.`);
  return value;
}

function principal(text: string, person: boolean): string | undefined {
  const id = parsePrincipalId(text);
  return id !== undefined && (kindOfPrincipal(id) === 'person') === person ? id : undefined;
}

function typeNamed(text: string): RecordType | undefined {
  return recordTypes.find((known) => known === text);
}

function parseLei(text: string): string | undefined {
  return leiPattern.test(text) ? text : undefined;
}

function malformed(detail: string): Error {
  return retentionErrors.error('retention_malformed', detail);
}
