import {
  type Caller,
  type KeyLister,
  type KeyPurpose,
  keyPurposes,
  type ListedKey,
  type ResourceGuard,
  requesterOf,
} from '@countersign/contracts';
import { type Clock, errorVocabulary, isCodedError, parseDigest, toInstant } from '@countersign/kernel';
import { described, instantSchema, withScope } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Components } from '../components/index.ts';
import { listerOf, type Signers } from '../keys/index.ts';

export const keyRouteErrors = errorVocabulary({
  key_purpose_unknown: 'not-found',
  key_withdrawal_unsupported: 'conflict',
});

/** Any other error is an internal failure. */
const refusals: ReadonlySet<string> = new Set([...Object.keys(keyRouteErrors.codes), 'signing_key_unknown']);

const closed = { additionalProperties: false };
const withdrawBody = Type.Object(
  {
    reason: Type.Optional(
      Type.String({ minLength: 1, maxLength: 500, description: 'Stays in the evidence: it must not name people' }),
    ),
  },
  closed,
);

const keyMembers = {
  purpose: Type.Enum([...keyPurposes]),
  kid: Type.String(),
  algorithm: Type.String({ description: 'As in a JWS header, e.g. `ES256`' }),
  state: Type.Enum(['published', 'active', 'retiring'], {
    description: '`published`: not signing yet; `retiring`: not signing any more, what it signed still verifies',
  }),
};
const keyAnswer = Type.Object(keyMembers, { ...closed, title: 'SigningKey' });
const keyList = Type.Object(
  {
    keys: Type.Array(
      Type.Object(
        {
          ...keyMembers,
          published_at: instantSchema(),
          active_from: instantSchema(),
          age_seconds: Type.Integer({ minimum: 0 }),
          driver: Type.Enum(['software', 'pkcs11'], {
            description: '`software`: encrypted in the database; `pkcs11`: in a token, which it cannot leave',
          }),
          token: Type.Optional(
            Type.Object(
              {
                serial: Type.String({ description: 'Of the token in which the key was made' }),
                label: Type.String({ description: '`CKA_LABEL`' }),
                id: Type.String({ description: '`CKA_ID` in hexadecimal' }),
              },
              closed,
            ),
          ),
        },
        closed,
      ),
    ),
  },
  closed,
);
const withdrawAnswer = Type.Object(
  { withdrawn: Type.String({ description: 'Its kid' }), successor: keyAnswer },
  closed,
);
const purposeParams = Type.Object({ purpose: Type.String() }, closed);
const keyParams = Type.Object({ purpose: Type.String(), kid: Type.String() }, closed);
const tag = 'keys';
type RotateRoute = { Params: Static<typeof purposeParams> };
type WithdrawRoute = { Params: Static<typeof keyParams>; Body: Static<typeof withdrawBody> | null | undefined };

export interface KeyRouteParts extends Pick<Components, 'keyRecords'> {
  readonly signers: Partial<Signers>;
  /** Other processes that have keys. Default: none. */
  readonly remoteKeys?: readonly KeyLister[];
}

/** The product's signing keys at run time. Every change to a key is recorded before it happens. */
export function keyRoutes(
  app: FastifyInstance,
  { signers, keyRecords, remoteKeys = [] }: KeyRouteParts,
  { guard, baseUrl, clock }: { readonly guard: ResourceGuard; readonly baseUrl: string; readonly clock: Clock },
): void {
  const needs = withScope(guard, baseUrl);

  function signerOf(purpose: KeyPurpose) {
    const signer = signers[purpose];
    if (signer === undefined) throw keyRouteErrors.error('key_purpose_unknown', `${purpose} has no keys here.`);
    return signer;
  }

  /** Records a refusal before it answers. @param asked untrusted text of the path; usually a purpose or kid */
  async function recorded<Result>(
    operation: 'key:rotate' | 'key:revoke',
    { purpose, kid }: { readonly purpose: string; readonly kid?: string },
    caller: Caller,
    work: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!isCodedError(error) || !refusals.has(error.code)) throw error;
      const about = [keyPurposes.find((each) => each === purpose), parseDigest(kid)].filter(
        (each) => each !== undefined,
      );
      await keyRecords.refused(
        error.code,
        operation,
        about.length === 0 ? undefined : about.join(' '),
        requesterOf(caller),
      );
      throw error;
    }
  }

  const listing = described({
    tag,
    summary: 'List our signing keys',
    scopes: ['key:rotate'],
    answers: { 200: { description: 'Purpose, state and age of each', body: keyList } },
  });
  const list = needs('key:rotate', async () => {
    const keys = await Promise.all([listerOf(signers), ...remoteKeys].map((lister) => lister.listKeys()));
    const place = ({ purpose }: ListedKey): number => keyPurposes.indexOf(purpose);
    const ordered = keys.flat().sort((a, b) => place(a) - place(b));
    return {
      keys: ordered.map(({ purpose, kid, algorithm, state, publishedAt, activeFrom, place }) => ({
        purpose,
        kid,
        algorithm,
        state,
        published_at: toInstant(publishedAt),
        active_from: toInstant(activeFrom),
        age_seconds: Math.max(0, Math.floor((clock.now() - publishedAt) / 1000)),
        driver: place.driver,
        ...(place.driver === 'software'
          ? {}
          : { token: { serial: place.token ?? '', label: place.label ?? '', id: place.id ?? '' } }),
      })),
    };
  });
  app.get('/keys', listing, list);

  const rotation = described({
    tag,
    summary: 'Publish the successor of a key',
    description:
      'It signs after five minutes, when every verifier can have it. A key of the log signs after `keys.logKeyLeadHours`, and is named in the log.',
    scopes: ['key:rotate'],
    params: purposeParams,
    answers: { 200: { description: 'The successor', body: keyAnswer } },
  });
  const rotate = needs<FastifyRequest<RotateRoute>>('key:rotate', async (request, _reply, caller) => {
    const successor = await recorded('key:rotate', request.params, caller, async () => {
      const purpose = readPurpose(request.params.purpose);
      return signerOf(purpose).rotate(purpose, (next) => keyRecords.published(next, requesterOf(caller)));
    });
    return answerOf(successor);
  });
  app.post<RotateRoute>('/keys/:purpose/rotate', rotation, rotate);

  const withdrawal = described({
    tag,
    summary: 'Withdraw a lost key',
    description: 'It leaves the key set at once, what it signed is worth nothing, and a successor signs immediately.',
    scopes: ['key:revoke'],
    params: keyParams,
    body: withdrawBody,
    answers: { 200: { description: 'What was withdrawn, and its successor', body: withdrawAnswer } },
  });
  const withdraw = needs<FastifyRequest<WithdrawRoute>>('key:revoke', async (request, _reply, caller) => {
    const successor = await recorded('key:revoke', request.params, caller, async () => {
      const purpose = readPurpose(request.params.purpose);
      if (purpose === 'log-checkpoint')
        throw keyRouteErrors.error(
          'key_withdrawal_unsupported',
          'The key of the log cannot be withdrawn: the checkpoints that it signed are evidence for years. Rotate it: the handover needs the old key once more.',
        );
      return signerOf(purpose).withdraw(purpose, request.params.kid, (withdrawn, next) =>
        keyRecords.withdrawn(withdrawn, next, requesterOf(caller), request.body?.reason),
      );
    });
    return { withdrawn: request.params.kid, successor: answerOf(successor) };
  });
  app.post<WithdrawRoute>('/keys/:purpose/:kid/withdraw', withdrawal, withdraw);
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
  return purpose;
}
