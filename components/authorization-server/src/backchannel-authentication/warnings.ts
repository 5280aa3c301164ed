import { type Client, developmentAcr, type SignIn } from '@countersign/contracts';
import { defined, toInstant } from '@countersign/kernel';
import {
  type ApplicationDetail,
  type AuthorizationDetail,
  describeAuthorizationDetail,
  digestOfIntent,
  namesApplicationDetails,
  parseAuthorizationDetails,
} from '@countersign/market';
import { maxDetails } from '../authorization-request/index.ts';
import type { KeptRequest } from './store.ts';

/** A line that differs from the earlier request for the same intent. */
export interface ChangedLine {
  readonly label: string;
  readonly before?: string;
  readonly now?: string;
}

/** Compared with the earlier request of the same idempotency key. */
export interface IntentChange {
  readonly intent: AuthorizationDetail;
  readonly askedAt: number;
  readonly became: 'allowed' | 'refused' | 'not decided';
  readonly lines: readonly ChangedLine[];
}

export interface Warnings {
  readonly sentences: readonly string[];
  readonly changes: readonly IntentChange[];
}

export interface WarningFacts {
  readonly request: KeptRequest;
  readonly details: readonly AuthorizationDetail[];
  readonly client: Client;
  readonly signIn: SignIn;
  /** Of the same client to the same person, newest first. */
  readonly earlierRequests: readonly KeptRequest[];
  readonly waiting: readonly KeptRequest[];
}

/** FAPI-CIBA section 7.3: the person must be able to tell a fraudster's request from an honest one. */
export function warningsOf(facts: WarningFacts): Warnings {
  const { request, details, client, signIn, earlierRequests } = facts;
  const changes = details.map((detail) => changeOf(detail, earlierRequests)).filter((change) => change !== undefined);
  const sentences = [
    sameMessage(facts) &&
      'Another request with the same message awaits your decision. Allow neither until you know which one you started.',
    details.some((detail) => otherTerms(detail, facts)) &&
      'Another request for the same intent, with different terms, awaits your decision.',
    ...details.map((detail) => allowedAlready(detail, earlierRequests)),
    changes.length > 0 && 'This was requested before with different terms. The changes are below.',
    request.bindingMessage === undefined &&
      'There is no message to compare. Compare the fingerprint with what the other device shows.',
    client.environment === 'sandbox' && 'This software is registered for a sandbox.',
    signIn.acr === developmentAcr && 'Development sign-in: the person was not authenticated.',
  ];
  return { sentences: sentences.filter((sentence) => typeof sentence === 'string'), changes };
}

function sameMessage({ request, waiting }: WarningFacts): boolean {
  return (
    request.bindingMessage !== undefined &&
    waiting.some((other) => !other.hash.equals(request.hash) && other.bindingMessage === request.bindingMessage)
  );
}

function otherTerms(detail: AuthorizationDetail, { request, waiting }: WarningFacts): boolean {
  const digest = digestOfIntent(detail);
  return waiting
    .filter((other) => !other.hash.equals(request.hash))
    .some((other) => intentsOf(other).some((intent) => sameKey(intent, detail) && digestOfIntent(intent) !== digest));
}

function sameKey(one: AuthorizationDetail, other: AuthorizationDetail): boolean {
  return one.type === other.type && one.idempotency_key === other.idempotency_key;
}

function allowedAlready(detail: AuthorizationDetail, earlierRequests: readonly KeptRequest[]): string | undefined {
  const digest = digestOfIntent(detail);
  const earlier = earlierRequests.find(
    (request) =>
      request.decided?.outcome === 'allowed' && intentsOf(request).some((other) => digestOfIntent(other) === digest),
  );
  if (earlier === undefined) return undefined;
  return `You already allowed exactly this on ${inWords(earlier.decided?.at ?? earlier.requestedAt)}.`;
}

/** Compared with the newest earlier request of the same key. */
function changeOf(detail: AuthorizationDetail, earlierRequests: readonly KeptRequest[]): IntentChange | undefined {
  for (const request of earlierRequests) {
    const earlier = intentsOf(request).find((intent) => sameKey(intent, detail));
    if (earlier === undefined) continue;
    const lines = changedLines(earlier, detail);
    if (lines.length === 0) return undefined;
    return { intent: detail, askedAt: request.requestedAt, became: outcomeOf(request), lines };
  }
  return undefined;
}

function changedLines(earlier: AuthorizationDetail, detail: AuthorizationDetail): readonly ChangedLine[] {
  const was = linesByLabel(earlier);
  const is = linesByLabel(detail);
  const labels = [...new Set([...is.keys(), ...was.keys()])];
  return labels
    .filter((label) => was.get(label) !== is.get(label))
    .map((label) => ({ label, ...defined({ before: was.get(label), now: is.get(label) }) }));
}

/** A label may occur several times, for example for parties. */
function linesByLabel(detail: AuthorizationDetail): ReadonlyMap<string, string> {
  const lines = new Map<string, string>();
  for (const { label, value } of describeAuthorizationDetail(detail).lines) {
    const earlier = lines.get(label);
    lines.set(label, earlier === undefined ? value : `${earlier}; ${value}`);
  }
  return lines;
}

function outcomeOf({ decided }: KeptRequest): IntentChange['became'] {
  if (decided === undefined) return 'not decided';
  return decided.outcome === 'allowed' ? 'allowed' : 'refused';
}

/** Checked on arrival, so one that does not parse comes from another release. */
export function intentsOf({ asked }: Pick<KeptRequest, 'asked'>): readonly AuthorizationDetail[] {
  if (asked.details === undefined) return [];
  const parsed = parseAuthorizationDetails(asked.details, { maxItems: maxDetails });
  return parsed.ok ? parsed.value : [];
}

/** Checked on arrival and again when shown. */
export function applicationDetailsOf({ asked }: Pick<KeptRequest, 'asked'>): readonly ApplicationDetail[] {
  return namesApplicationDetails(asked.details, maxDetails) ? asked.details : [];
}

/** To the minute, in UTC: `2026-11-23, 17:00 UTC`. */
export function inWords(milliseconds: number): string {
  const instant = toInstant(milliseconds);
  return `${instant.slice(0, 10)}, ${instant.slice(11, 16)} UTC`;
}
