import { type Caller, type ConsentStore, consentErrors, type MandateCopy } from '@countersign/contracts';
import { type Clock, defined, parseInstant } from '@countersign/kernel';
import {
  type AuthorizationDetail,
  intentUse,
  type Lei,
  parseAuthorizationDetails,
  parseLei,
} from '@countersign/market';
import { type Static, Type } from 'typebox';
import { driftList, isParty, notFound, validityAnswer, validityFor } from '../answers.ts';
import type { GuardedRoutes } from './guarded-routes.ts';
import { actorOf, closed, idParams, instant, mandateId, mandateIdOf, type WithId } from './shapes.ts';

const asked = {
  intent: Type.Unknown({ description: 'One authorization detail' }),
  acting_for: Type.String({ maxLength: 20 }),
  at: Type.Optional(instant),
};
const validityBody = Type.Object({ ...asked, action: Type.String({ maxLength: 64 }) }, closed);
const validateBody = Type.Object(
  {
    ...asked,
    action: Type.Optional(
      Type.String({ maxLength: 64, description: 'A scope; the one that begins such an intent when left out' }),
    ),
    known_at: Type.Optional(
      Type.String({ maxLength: 40, description: 'Nothing recorded after it counts; everything known when left out' }),
    ),
  },
  closed,
);
const mostCopies = 10_000;
/** Ten thousand ids, versions and digests. */
const compareBodyLimit = 2 * 1024 * 1024;
const compareBody = Type.Object(
  {
    copies: Type.Array(
      Type.Object(
        { id: mandateId, version: Type.Integer({ minimum: 1 }), digest: Type.String({ maxLength: 64 }) },
        closed,
      ),
      { maxItems: mostCopies },
    ),
    complete: Type.Optional(
      Type.Boolean({ description: 'The list is complete: mandates missing from it are reported too' }),
    ),
  },
  closed,
);

type Asking = { Body: Static<typeof validityBody> };
type Validating = { Body: Static<typeof validateBody> };
type Comparing = { Body: { readonly copies: readonly MandateCopy[]; readonly complete?: boolean } };

export function askingRoutes(
  routes: GuardedRoutes,
  { consentStore, clock }: { readonly consentStore: ConsentStore; readonly clock: Clock },
): void {
  routes.post<WithId & Asking>(
    '/mandates/:id/validity',
    'mandate:read',
    {
      summary: 'Check whether a mandate is valid for an intent',
      description: 'For the parties of the mandate and the firms that the intent names.',
      params: idParams,
      body: validityBody,
      answers: { 200: { description: 'Whether it is valid, or the reason why not', body: validityAnswer } },
    },
    async (request, caller) => {
      const { mandate, actingFor, detail, at } = questionOf(request.params.id, request.body, clock);
      const use = intentUse(detail, { action: request.body.action, at });
      return answerTo(caller, { detail, actingFor }, await consentStore.check({ mandate, actingFor, use, at }));
    },
  );

  routes.post<WithId & Validating>(
    '/mandates/:id/validate',
    'mandate:read',
    {
      summary: 'Check whether a mandate was valid at a past time, as known at a given time',
      description: 'Answered from the history, for the parties of the mandate and the firms that the intent names.',
      params: idParams,
      body: validateBody,
      answers: { 200: { description: 'Whether it was valid, or the reason why not', body: validityAnswer } },
    },
    async (request, caller) => {
      const { action, known_at } = request.body;
      const question = questionOf(request.params.id, request.body, clock);
      const answer = await consentStore.validate({
        ...question,
        ...defined({ action }),
        ...(known_at === undefined ? {} : { knownAt: timeOf('known_at', known_at) }),
      });
      return answerTo(caller, question, answer);
    },
  );

  routes.post<Comparing>(
    '/mandates/compare',
    'mandate:read',
    {
      summary: 'Compare copies of mandates with the register',
      description: 'The comparison is recorded.',
      body: compareBody,
      answers: { 200: { description: 'How the copies differ', body: driftList } },
      bodyLimit: compareBodyLimit,
    },
    async (request, caller) => {
      const institution = parseLei(caller.institution);
      if (!institution.ok) throw notFound();
      const { copies, complete = false } = request.body;
      return { drifts: await consentStore.compareCopies(institution.value, copies, actorOf(caller), { complete }) };
    },
  );
}

function questionOf(
  id: string,
  { intent, acting_for, at }: { readonly intent: unknown; readonly acting_for: string; readonly at?: string },
  clock: Clock,
): {
  readonly mandate: AuthorizationDetail['mandate_id'];
  readonly actingFor: Lei;
  readonly detail: AuthorizationDetail;
  readonly at: number;
} {
  const mandate = mandateIdOf(id);
  const detail = detailOf(intent);
  const actingFor = parseLei(acting_for);
  const time = at === undefined ? clock.now() : timeOf('at', at);
  if (!actingFor.ok) throw consentErrors.error('mandate_invalid', `acting_for: ${actingFor.detail}`);
  if (detail.mandate_id !== mandate)
    throw consentErrors.error('mandate_invalid', 'intent: The intent names a different mandate.');
  return { mandate, actingFor: actingFor.value, detail, at: time };
}

function answerTo(
  caller: Caller,
  { detail, actingFor }: { readonly detail: AuthorizationDetail; readonly actingFor: Lei },
  answer: Awaited<ReturnType<ConsentStore['check']>>,
) {
  const party = answer.mandate !== undefined && isParty(answer.mandate, caller);
  if (!party && !isNamed(detail, actingFor, caller)) throw notFound();
  // The reason may come from a mandate further up, and is for the parties of that mandate.
  const own = answer.valid || answer.atFault === undefined || isParty(answer.atFault, caller);
  return validityFor(party && own, answer);
}

/** An institution may ask about itself or about an intent that names it, not about others in an intent of its own making. */
function isNamed(detail: AuthorizationDetail, actingFor: Lei, { institution }: Caller): boolean {
  if (detail.entity_lei === institution && actingFor === institution) return true;
  return 'parties' in detail && detail.parties.some(({ lei }) => lei === institution);
}

function timeOf(field: string, text: string): number {
  const time = parseInstant(text);
  if (time === undefined)
    throw consentErrors.error('mandate_invalid', `${field}: The value is not an RFC 3339 date-time.`);
  return time;
}

function detailOf(intent: unknown): AuthorizationDetail {
  const parsed = parseAuthorizationDetails([intent]);
  const detail = parsed.ok ? parsed.value[0] : undefined;
  if (detail === undefined)
    throw consentErrors.error(
      'mandate_invalid',
      parsed.ok ? 'intent: The intent is empty.' : `intent${parsed.path}: ${parsed.detail}`,
    );
  return detail;
}
