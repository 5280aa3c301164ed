import { type Actor, type Caller, consentErrors, mandateParts } from '@countersign/contracts';
import { type MandateId, parseId } from '@countersign/kernel';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { constraints, notFound } from '../answers.ts';

// Request schemas: shapes and sizes. Parsers check the meaning.

export const closed = { additionalProperties: false };
export const party = Type.Object({ lei: Type.String({ maxLength: 20 }), role: Type.String({ maxLength: 64 }) }, closed);
export const instant = Type.String({ maxLength: 40 });
export const mandateId = Type.String({ maxLength: 40 });
const legalBasis = Type.Object(
  { type: Type.String({ maxLength: 64 }), reference: Type.String({ maxLength: 400 }) },
  closed,
);
const digest = Type.String({ maxLength: 64 });

export const idParams = Type.Object({ id: mandateId }, closed);
export type WithId = { Params: Static<typeof idParams> };

export const proposalBody = Type.Object(
  {
    kind: Type.Optional(Type.String({ maxLength: 32, description: '`mandate` when left out' })),
    grantor: party,
    grantee: party,
    thirdParty: Type.Optional(party),
    parent: Type.Optional(mandateId),
    constraints,
    legalBasis,
    termsHash: digest,
    effectiveFrom: instant,
    effectiveUntil: instant,
  },
  closed,
);
export const acceptBody = Type.Object({ termsHash: digest }, closed);
export const reasonBody = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 400 }) }, closed);
export const amendmentBody = Type.Object(
  {
    constraints: Type.Optional(constraints),
    legalBasis: Type.Optional(legalBasis),
    termsHash: Type.Optional(digest),
    effectiveFrom: Type.Optional(instant),
    effectiveUntil: Type.Optional(instant),
    replace: Type.Optional(
      Type.Object(
        { part: Type.Enum([...mandateParts]), by: party },
        { ...closed, description: 'Another institution takes this part' },
      ),
    ),
  },
  { ...closed, description: 'The changed terms; absent terms stay as they are' },
);
export const acceptAmendmentBody = Type.Object({ termsDigest: digest }, closed);

export function actorOf(caller: Caller): Actor {
  return { id: caller.subject, institution: caller.institution };
}

export function mandateIdOf(text: string): MandateId {
  const id = parseId('mandate', text);
  if (id === undefined) throw notFound();
  return id;
}

export function idempotencyKeyOf(request: FastifyRequest): string {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string')
    throw consentErrors.error('mandate_invalid', 'The header Idempotency-Key is missing.', {
      facts: { field: 'Idempotency-Key' },
    });
  return key;
}
