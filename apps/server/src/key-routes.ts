import { type KeyPurpose, keyPurposes, type ResourceGuard } from '@countersign/contracts';
import { type Clock, errorVocabulary, toInstant } from '@countersign/kernel';
import { accessRequestOf } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Components } from './components.ts';

export const keyRouteErrors = errorVocabulary({
  key_purpose_unknown: 'not-found',
  key_rotation_unsupported: 'conflict',
});

const closed = { additionalProperties: false };
const withdrawBody = Type.Object(
  {
    reason: Type.Optional(
      Type.String({ minLength: 1, maxLength: 500, description: 'Stays in the evidence: it must not name people' }),
    ),
  },
  closed,
);

/** Our signing keys at run time. What happens to one is recorded before it happens. */
export function keyRoutes(
  app: FastifyInstance,
  { signers, keyRecords }: Pick<Components, 'signers' | 'keyRecords'>,
  { guard, baseUrl, clock }: { readonly guard: ResourceGuard; readonly baseUrl: string; readonly clock: Clock },
): void {
  app.get('/keys', async (request) => {
    await guard.check(accessRequestOf(request, baseUrl), { scope: 'key:rotate' });
    const keys = await Promise.all(keyPurposes.map((purpose) => signers[purpose].publicKeys(purpose)));
    return {
      keys: keys.flat().map(({ purpose, kid, algorithm, state, publishedAt, activeFrom }) => ({
        purpose,
        kid,
        algorithm,
        state,
        published_at: toInstant(publishedAt),
        active_from: toInstant(activeFrom),
        age_seconds: Math.max(0, Math.floor((clock.now() - publishedAt) / 1000)),
      })),
    };
  });

  app.post<{ Params: { readonly purpose: string } }>('/keys/:purpose/rotate', async (request) => {
    const caller = await guard.check(accessRequestOf(request, baseUrl), { scope: 'key:rotate' });
    const purpose = readPurpose(request.params.purpose);
    const by = { id: caller.subject, institution: caller.institution };
    return answerOf(await signers[purpose].rotate(purpose, (successor) => keyRecords.published(successor, by)));
  });

  app.post<{
    Params: { readonly purpose: string; readonly kid: string };
    Body: Static<typeof withdrawBody> | null | undefined;
  }>('/keys/:purpose/:kid/withdraw', { schema: { body: withdrawBody } }, async (request) => {
    const caller = await guard.check(accessRequestOf(request, baseUrl), { scope: 'key:revoke' });
    const purpose = readPurpose(request.params.purpose);
    const by = { id: caller.subject, institution: caller.institution };
    const successor = await signers[purpose].withdraw(purpose, request.params.kid, (withdrawn, next) =>
      keyRecords.withdrawn(withdrawn, next, by, request.body?.reason),
    );
    return { withdrawn: request.params.kid, successor: answerOf(successor) };
  });
}

function answerOf({
  purpose,
  kid,
  algorithm,
  state,
}: {
  readonly purpose: string;
  readonly kid: string;
  readonly algorithm: string;
  readonly state: string;
}) {
  return { purpose, kid, algorithm, state };
}

/** @throws CodedError of {@link keyRouteErrors} */
function readPurpose(text: string): KeyPurpose {
  const purpose = keyPurposes.find((candidate) => candidate === text);
  if (purpose === undefined)
    throw keyRouteErrors.error('key_purpose_unknown', `There are keys for ${keyPurposes.join(', ')}.`);
  if (purpose === 'log-checkpoint')
    throw keyRouteErrors.error(
      'key_rotation_unsupported',
      'The key of a log is part of its identity to everyone who verifies it; it is succeeded together with a new log, not in place.',
    );
  return purpose;
}
