import { canonicalize, isCodedError, type Json } from '@countersign/kernel';
import { parseActChain } from '@countersign/oauth';
import { type Evidence, recordsOf } from '../evidence.ts';
import type { Facts, TokenClaims } from '../facts.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/**
 * Token exchange narrows and never widens (RFC 8693): the new token has no scope the old one lacked, does not
 * outlive it, names one actor more and the same ones before, and stays with its transaction, intent and mandate.
 */
export const exchangesOnlyNarrow: Check = {
  id: 'tokens',
  title: 'Every exchanged token is narrower than the one it came from',
  reads: ['token.issued', 'token.exchanged'],
  run(evidence) {
    const exchanges = recordsOf(evidence.records, 'token.exchanged');
    const tokens = [...recordsOf(evidence.records, 'token.issued'), ...exchanges];
    const findings = [
      ...tokens
        .filter(namesAnotherRecord)
        .map((token) => chainFinding(token, 'The token names another record as its own.')),
      ...exchanges.flatMap((exchange) => faultsOf(evidence, exchange).map((detail) => chainFinding(exchange, detail))),
    ];
    return conclude(
      findings,
      `${counted(tokens.length, 'token')} seen, ${counted(exchanges.length, 'exchange')} followed.`,
    );
  },
};

/** A token that states its record states this one: it was recorded before it was let out, under an id chosen beforehand. */
function namesAnotherRecord(
  token: BundledRecord<{ readonly kind: 'token.issued' | 'token.exchanged'; readonly claims: TokenClaims } & Facts>,
): boolean {
  return token.facts.claims.evidence !== null && token.facts.claims.evidence !== token.id;
}

function chainFinding(record: BundledRecord, detail: string): Finding {
  return { code: 'token_chain', detail, record: record.id };
}

type Exchange = BundledRecord<Extract<Facts, { kind: 'token.exchanged' }>>;

function faultsOf(evidence: Evidence, exchange: Exchange): readonly string[] {
  const { claims: after, subjectToken } = exchange.facts;
  const source = evidence.byId.get(subjectToken.record);
  if (source === undefined || (source.facts.kind !== 'token.issued' && source.facts.kind !== 'token.exchanged'))
    return [`The token it was exchanged for is not in the bundle: ${subjectToken.record} records no token.`];
  const before = source.facts.claims;
  const faults: string[] = [];
  if (source.index >= exchange.index) faults.push('The token it was exchanged for was issued only later.');
  if (before.jti !== subjectToken.jti)
    faults.push('The token it was exchanged for has another id than the record of that token.');
  if (before.sub !== after.sub) faults.push('The subject changed.');
  if (!after.scope.every((scope) => before.scope.includes(scope))) faults.push('A scope was added.');
  if (after.exp > before.exp) faults.push('It outlives the token it came from.');
  if (!addsOneActor(before, after)) faults.push('The chain of actors is not the earlier one with one actor more.');
  if (!mayActAsNamed(before, after)) faults.push('Another actor was added than the one who alone might act.');
  for (const member of ['txn', 'intentDigest', 'mandate'] as const)
    if (!same(before[member], after[member])) faults.push(`The token states another ${names[member]}.`);
  return faults;
}

const names = { txn: 'transaction', intentDigest: 'intent', mandate: 'mandate' } as const;

function addsOneActor(before: TokenClaims, after: TokenClaims): boolean {
  const earlier = actorsOf(before.act);
  const now = actorsOf(after.act);
  return earlier !== undefined && now !== undefined && now.length === earlier.length + 1 && same(now.slice(1), earlier);
}

function mayActAsNamed({ mayAct }: TokenClaims, after: TokenClaims): boolean {
  if (mayAct === null) return true;
  const [actor] = actorsOf(after.act) ?? [];
  return typeof mayAct === 'object' && 'sub' in mayAct && mayAct.sub === actor;
}

function actorsOf(act: Json): readonly string[] | undefined {
  try {
    return parseActChain(act ?? undefined);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

function same(a: Json, b: Json): boolean {
  return canonicalize(a) === canonicalize(b);
}
