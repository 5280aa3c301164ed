import { canonicalize, digestOf, isCodedError, type Json, membersOf } from '@countersign/kernel';
import { changesMarket, isScope, narrowDetails } from '@countersign/market';
import { parseActChain, revocationKey } from '@countersign/oauth';
import { type Evidence, recordsOf } from '../evidence.ts';
import { type FactsOf, intentPlace, type TokenClaims, tokenDetails } from '../facts.ts';
import { detailsIn, isForStep, mandatesFor, openingOf, stepIn } from '../own-story.ts';
import type { BundledRecord } from '../record.ts';
import { legalStep } from '../transaction-lives.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/**
 * A token must match its record and stay within the intent. An exchange (RFC 8693) only narrows: no additional scope,
 * wider details (RFC 9396) or later expiry, one more actor, and the same transaction, intent, mandate and institution.
 */
export const tokensOnlyNarrow: Check = {
  id: 'tokens',
  title: 'Every token is within its intent, and every exchanged one narrower than the one it came from',
  reads: {
    'transaction.opened': [intentPlace],
    'token.issued': [tokenDetails],
    'token.exchanged': [tokenDetails],
  },
  run(evidence) {
    const exchanges = recordsOf(evidence.records, 'token.exchanged');
    const tokens: readonly Token[] = [...recordsOf(evidence.records, 'token.issued'), ...exchanges];
    const findings = [
      ...tokens.flatMap((token) => recordFaults(token).map((detail) => finding('token_mismatch', token, detail))),
      ...tokens.flatMap((token) =>
        [...intentFaults(evidence, token), ...stepFaults(evidence, token)].map((detail) =>
          finding('token_chain', token, detail),
        ),
      ),
      ...exchanges.flatMap((exchange) => exchangeFindings(evidence, exchange)),
    ];
    const compared = exchanges.filter(
      (exchange) => !hidesDetails(exchange) && !hidesDetails(sourceOf(evidence, exchange)),
    );
    return conclude(
      findings,
      `${counted(tokens.length, 'token')} compared with their records; ${counted(exchanges.length, 'exchange')} followed, ${compared.length} of them with what they are for.`,
      { of: tokens.length },
    );
  },
};

type Token = BundledRecord<FactsOf<'token.issued'> | FactsOf<'token.exchanged'>>;
type Exchange = BundledRecord<FactsOf<'token.exchanged'>>;

function finding(code: 'token_chain' | 'token_mismatch', record: BundledRecord, detail: string): Finding {
  return { code, detail, record: record.id };
}

function hidesDetails(token: BundledRecord | undefined): boolean {
  return token?.withheld.has(tokenDetails) === true;
}

/** For readers who never see the token. */
function recordFaults(token: Token): readonly string[] {
  const { claims } = token.facts;
  const faults: string[] = [];
  // The record precedes the token, under an id chosen beforehand.
  if (claims.evidence !== token.id) faults.push('The token names another record as its own.');
  if (claims.sub !== token.subject) faults.push('The token is of another subject than its record says.');
  if (token.institution !== undefined && claims.institution !== token.institution)
    faults.push('The token is of another institution than its record says.');
  if (claims.clientId !== token.client) faults.push('The token is for another client than its record says.');
  if (token.audience.length !== 1 || token.audience[0] !== claims.audience)
    faults.push('The token is for another audience than its record says.');
  if (!sameSet(token.scope, claims.scope)) faults.push('The token has other scopes than its record says.');
  if (!same(actorsOf(claims.act) ?? null, token.actors))
    faults.push('The token names other actors than its record says.');
  if (claims.policyVersion !== token.policy?.version) faults.push('The token names another policy than its record.');
  if ((claims.txn ?? undefined) !== token.transaction)
    faults.push('The token is of another transaction than its record says.');
  if (!same(claims.mandate, token.mandate ?? null))
    faults.push('The token is under another mandate than its record says.');
  if (claims.txn !== null && claims.intentDigest === null)
    faults.push('The token is of a transaction, and states no intent.');
  // Accepted only at the issuer's interface for transactions, because the step names the mandate.
  if (isForStep(claims) && !isStep(token))
    faults.push('The token is of a transaction, states no mandate, and is not for a step.');
  if (claims.exp <= claims.issuedAt) faults.push('The token ends before it begins.');
  return faults;
}

/** Locations, actions and amounts may be fewer or smaller. */
function intentFaults(evidence: Evidence, token: Token): readonly string[] {
  const { claims, tokenType } = token.facts;
  const opening = openingOf(evidence);
  if (token.transaction !== evidence.bundle.transaction || opening === undefined || hidesDetails(token)) return [];
  if (isForStep(claims)) return [];
  const details = claims.details === undefined ? undefined : detailsIn(claims.details);
  const [detail, another] = details ?? [];
  if (detail === undefined || another !== undefined)
    return ['The token is of a transaction, and is not for exactly one authorization detail.'];
  const faults: string[] = [];
  const end = Date.parse(detail.not_after);
  if (claims.exp * 1000 > end) faults.push('It outlives the intent.');
  // Other token types are for a trust domain instead of one location.
  if (tokenType === undefined || tokenType === accessTokenType)
    if (!detail.locations.includes(claims.audience))
      faults.push('It is for a place that its authorization detail does not name.');
  const { intent } = opening.facts;
  if (intent === undefined) return faults;
  const whole = detailsIn([{ ...membersOf(intent), locations: detail.locations, actions: [...detail.actions] }]);
  if (whole === undefined) return [...faults, 'The intent is no authorization detail that it could be compared with.'];
  const narrowed = narrowDetails(whole, [detail]);
  if (!narrowed.ok) faults.push(`It is for more than the intent: ${narrowed.counterexample.example}.`);
  return faults;
}

function isStep(token: Token): boolean {
  const { claims, kind } = token.facts;
  const taken = kind === 'token.issued' && claims.audience === `${String(claims.all['iss'])}/transactions`;
  return taken && (hidesDetails(token) || (claims.details !== undefined && stepIn(claims.details) !== undefined));
}

/** Its events must be in the life cycle, with their scopes, under a mandate of the transaction. */
function stepFaults(evidence: Evidence, token: Token): readonly string[] {
  const { claims } = token.facts;
  const step = isForStep(claims) && claims.details !== undefined ? stepIn(claims.details) : undefined;
  const opening = openingOf(evidence);
  if (step === undefined || token.transaction !== evidence.bundle.transaction || opening === undefined) return [];
  const faults: string[] = [];
  if (step.transaction !== token.transaction) faults.push('It is for a step of another transaction.');
  if (!step.locations.includes(claims.audience)) faults.push('It is for a place that its step does not name.');
  if (!mandatesFor(evidence, token).has(step.mandate.id))
    faults.push(`Its step is under ${step.mandate.id}, which is not a mandate of the transaction.`);
  const taken = step.actions.map((event) => legalStep(opening.facts.intentType, event)?.scope);
  if (taken.includes(undefined)) faults.push('Its step is not in the life cycle of the transaction.');
  if (claims.scope.some((scope) => isScope(scope) && changesMarket(scope) && !taken.includes(scope)))
    faults.push('It has a scope that is not the scope of its step.');
  return faults;
}

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';

function sourceOf(evidence: Evidence, { facts }: Exchange): Token | undefined {
  const source = evidence.byId.get(facts.subjectToken.record);
  return source?.facts.kind === 'token.issued' || source?.facts.kind === 'token.exchanged'
    ? // The record of a token.
      (source as Token)
    : undefined;
}

function exchangeFindings(evidence: Evidence, exchange: Exchange): readonly Finding[] {
  const { record } = exchange.facts.subjectToken;
  const source = sourceOf(evidence, exchange);
  if (source !== undefined)
    return exchangeFaults(source, exchange).map((detail) => finding('token_chain', exchange, detail));
  const leaf = evidence.leafById.get(record);
  const unseen = leaf?.reading.state === 'pruned' || evidence.byId.get(record)?.facts.kind === 'withheld';
  return unseen
    ? [
        {
          code: 'record_pruned',
          detail: `What the token ${record} said cannot be seen: an exchange of it was not compared.`,
        },
      ]
    : [
        finding(
          'token_chain',
          exchange,
          `The token it was exchanged for is not in the bundle: ${record} records no token.`,
        ),
      ];
}

function exchangeFaults(source: Token, exchange: Exchange): readonly string[] {
  const { claims: after, subjectToken } = exchange.facts;
  const before = source.facts.claims;
  const faults: string[] = [];
  if (source.index >= exchange.index) faults.push('The token it was exchanged for was issued only later.');
  if (before.jti !== subjectToken.jti)
    faults.push('The token it was exchanged for has another id than the record of that token.');
  if (!hidesDetails(source) && digestOf(before.all) !== subjectToken.claimsDigest)
    faults.push('The token it was exchanged for has other claims than the record of that token.');
  if (before.sub !== after.sub) faults.push('The subject changed.');
  if (before.institution !== after.institution) faults.push('The institution changed.');
  if (!after.scope.every((scope) => before.scope.includes(scope))) faults.push('A scope was added.');
  if (after.exp > before.exp) faults.push('It outlives the token it came from.');
  if (after.issuedAt < before.issuedAt) faults.push('It was issued before the token it came from.');
  if (after.acr !== null && !same(before.acr, after.acr))
    faults.push('It claims another sign-in than the token it came from.');
  if (after.authTime !== null && !same(before.authTime, after.authTime))
    faults.push('It claims another time of sign-in than the token it came from.');
  if (!addsOneActor(before, after)) faults.push('The chain of actors is not the earlier one with one actor more.');
  if (!mayActAsNamed(before, after, exchange)) faults.push('The added actor is not the one permitted by may_act.');
  if (!keepsAncestors(before, after)) faults.push('It does not name all tokens whose end also ends it.');
  for (const member of ['txn', 'intentDigest'] as const)
    if (!same(before[member], after[member])) faults.push(`The token states another ${names[member]}.`);
  const [mandateBefore, mandateAfter] = [membersOf(before.mandate), membersOf(after.mandate)];
  // The version may be newer; the mandate check determines which was in force.
  if (mandateBefore?.['id'] !== mandateAfter?.['id']) faults.push('The token states another mandate.');
  if (!hidesDetails(source) && !hidesDetails(exchange)) faults.push(...widerDetails(before, after));
  return faults;
}

const names = { txn: 'transaction', intentDigest: 'intent' } as const;

/** Same comparison as in the token exchange. */
function widerDetails(before: TokenClaims, after: TokenClaims): readonly string[] {
  if (after.details === undefined) return [];
  const outer = before.details === undefined ? [] : detailsIn(before.details);
  const inner = detailsIn(after.details);
  if (outer === undefined || inner === undefined) return ['What the two tokens are for cannot be compared.'];
  const narrowed = narrowDetails(outer, inner);
  return narrowed.ok ? [] : [`It is for more than the token it came from: ${narrowed.counterexample.example}.`];
}

function addsOneActor(before: TokenClaims, after: TokenClaims): boolean {
  const earlier = actorsOf(before.act);
  const now = actorsOf(after.act);
  return earlier !== undefined && now !== undefined && now.length === earlier.length + 1 && same(now.slice(1), earlier);
}

/** RFC 8693 section 4.4: an unknown condition is not met. */
function mayActAsNamed({ mayAct, all }: TokenClaims, after: TokenClaims, { client }: Exchange): boolean {
  if (mayAct === null) return true;
  const [actor] = actorsOf(after.act) ?? [];
  const known: Readonly<Record<string, Json | undefined>> = { sub: actor, client_id: client, iss: all['iss'] };
  const conditions = Object.entries(membersOf(mayAct) ?? {});
  return (
    conditions.some(([name]) => name === 'sub' || name === 'client_id') &&
    conditions.every(([name, value]) => Object.hasOwn(known, name) && known[name] === value)
  );
}

/** Revoking any ancestor token also ends this one. */
function keepsAncestors(before: TokenClaims, { ancestors }: TokenClaims): boolean {
  const earlier = Array.isArray(before.ancestors) ? before.ancestors : [];
  return same(ancestors, [revocationKey({ kind: 'token', id: before.jti }), ...earlier]);
}

function actorsOf(act: Json): readonly string[] | undefined {
  try {
    return parseActChain(act ?? undefined);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return same(one.toSorted(), other.toSorted());
}

function same(a: Json, b: Json): boolean {
  return canonicalize(a) === canonicalize(b);
}
