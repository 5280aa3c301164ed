import {
  auditLogErrors,
  type Caller,
  type EvidenceQuery,
  type RecordType,
  type ResourceGuard,
  readPointer,
  recordTypes,
} from '@countersign/contracts';
import { type Clock, parseId, parseInstant, type Random } from '@countersign/kernel';
import { zoneOf } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { RunningAuditLog } from '../audit-log.ts';
import type { DisclosureAsked, EvidenceReader } from '../reading/read-records.ts';
import type { ReadingRules } from '../reading/rights.ts';
import type { ReadingTurns } from '../reading/turns.ts';

export const transactionId = Type.String({ maxLength: 40 });

export function readTransaction(text: string) {
  const id = parseId('transaction', text);
  if (id === undefined)
    throw auditLogErrors.error('transaction_without_records', 'This is not the id of a transaction.');
  return id;
}

const maxPaths = 32;

export const disclosureParameters = {
  disclose: Type.Optional(
    Type.String({
      maxLength: 256 * maxPaths,
      description:
        'Protected values to be shown: `*`, or JSON pointers with commas between. With the scope audit:disclose',
    }),
  ),
  purpose: Type.Optional(Type.String({ maxLength: 500, description: 'What they are wanted for; goes on record' })),
} as const;

export function readDisclosure({
  disclose,
  purpose = '',
}: {
  readonly disclose?: string;
  readonly purpose?: string;
}): DisclosureAsked | undefined {
  if (disclose === undefined) return undefined;
  if (disclose === '*') return { paths: '*', purpose };
  const paths = new Set(disclose.split(','));
  if (paths.size > maxPaths || [...paths].some((path) => readPointer(path) === undefined))
    throw auditLogErrors.error(
      'query_malformed',
      `The parameter disclose is * or at most ${maxPaths} JSON pointers like /data/intent.`,
    );
  return { paths, purpose };
}

const name = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 128, description }));
const moment = (description: string) => Type.Optional(Type.String({ maxLength: 40, description }));

export const queryParameters = {
  transaction: Type.Optional(transactionId),
  person: name('A person as subject, actor or approver, e.g. `person:anna.keller`'),
  agent: name('An agent or service, e.g. `agent:vwap-1`'),
  client: name('A client id'),
  mandate: name('A mandate that is used, changed, or that another is cut from'),
  partner: name('LEI of a partner'),
  institution: name('LEI of the institution that was acted for'),
  decision: name('The record of a decision: that and what rests on it'),
  type: Type.Optional(Type.String({ maxLength: 1_024, description: 'Types of records, with commas between' })),
  from: moment('RFC 3339: records from this moment on'),
  until: moment('RFC 3339: records before this moment'),
  after: Type.Optional(
    Type.String({ pattern: '^(?:0|[1-9]\\d{0,17})$', description: 'Records behind this place in the log' }),
  ),
} as const;

const parameters = Type.Object(queryParameters);

/** @throws CodedError `query_malformed`, `record_not_found` for an unknown type, `transaction_without_records` */
export function readQuery(asked: Static<typeof parameters>): EvidenceQuery {
  const { transaction, person, agent, client, mandate, partner, institution, decision, type, from, until, after } =
    asked;
  return {
    ...(transaction === undefined ? {} : { transaction: readTransaction(transaction) }),
    ...(person === undefined ? {} : { person }),
    ...(agent === undefined ? {} : { agent }),
    ...(client === undefined ? {} : { client }),
    ...(mandate === undefined ? {} : { mandate }),
    ...(partner === undefined ? {} : { partner }),
    ...(institution === undefined ? {} : { institution }),
    ...(decision === undefined ? {} : { decision: readRecordId(decision) }),
    ...(type === undefined ? {} : { types: type.split(',').map(readType) }),
    ...(from === undefined ? {} : { from: readMoment(from, 'from') }),
    ...(until === undefined ? {} : { until: readMoment(until, 'until') }),
    ...(after === undefined ? {} : { after: BigInt(after) }),
  };
}

function readRecordId(text: string) {
  const id = parseId('record', text);
  if (id === undefined) throw auditLogErrors.error('query_malformed', 'A decision is named by the id of its record.');
  return id;
}

function readType(text: string): RecordType {
  const type = recordTypes.find((known) => known === text);
  if (type === undefined) throw auditLogErrors.error('record_not_found', 'There are no records of this type.');
  return type;
}

function readMoment(text: string, parameter: string): number {
  const moment = parseInstant(text);
  if (moment === undefined)
    throw auditLogErrors.error('query_malformed', `The parameter ${parameter} is a time as RFC 3339 writes it.`);
  return moment;
}

export function readerOf(request: FastifyRequest, caller: Caller): EvidenceReader {
  const zone = zoneOf(request);
  return {
    actor: { id: caller.subject, institution: caller.institution },
    actors: caller.actors.map((id) => ({ id })),
    client: caller.client,
    scope: caller.scope,
    address: request.ip,
    ...(zone === undefined ? {} : { zone }),
  };
}

export interface ReadingRoutes extends ReadingRules {
  readonly auditLog: RunningAuditLog;
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  readonly turns: ReadingTurns;
  readonly clock: Clock;
  readonly random: Random;
}
