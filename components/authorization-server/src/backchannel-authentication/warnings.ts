import { type Client, developmentAcr, type SignIn } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import {
  type ApplicationDetail,
  type AuthorizationDetail,
  describeAuthorizationDetail,
  digestOfIntent,
  namesApplicationDetails,
  parseAuthorizationDetails,
} from '@countersign/market';
import { mostDetails } from '../authorization-request/index.ts';
import type { KeptRequest } from './store.ts';

/** One line of an intent that differs from the earlier request for the same intent. */
export interface ChangedLine {
  readonly label: string;
  /** Undefined if the line is new. */
  readonly before?: string;
  readonly now?: string;
}

/** How an intent differs from the earlier request with the same idempotency key. */
export interface IntentChange {
  readonly intent: AuthorizationDetail;
  readonly askedAt: number;
  readonly became: 'allowed' | 'refused' | 'left open';
  readonly lines: readonly ChangedLine[];
}

/** Warnings that a person should see with the request. */
export interface Warnings {
  readonly sentences: readonly string[];
  readonly changes: readonly IntentChange[];
}

export interface WarningFacts {
  readonly request: KeptRequest;
  readonly details: readonly AuthorizationDetail[];
  readonly client: Client;
  readonly signIn: SignIn;
  /** Earlier requests of the same client to the same person, newest first. */
  readonly before: readonly KeptRequest[];
  /** Other requests awaiting the person. */
  readonly waiting: readonly KeptRequest[];
}

/**
 * FAPI-CIBA section 7.3: a fraudster may ask at the same time as an honest client, and the person must be able to tell the
 * requests apart. The page therefore points out similar requests and changes since the first request.
 */
export function warningsOf(facts: WarningFacts): Warnings {
  const { request, details, client, signIn, before } = facts;
  const changes = details.map((detail) => changeOf(detail, before)).filter((change) => change !== undefined);
  const sentences = [
    sameMessage(facts) &&
      'Another request with the same message awaits your decision. Allow neither until you know which one you started.',
    details.some((detail) => otherTerms(detail, facts)) &&
      'Another request for the same intent, with different terms, awaits your decision.',
    ...details.map((detail) => allowedAlready(detail, before)),
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

function allowedAlready(detail: AuthorizationDetail, before: readonly KeptRequest[]): string | undefined {
  const digest = digestOfIntent(detail);
  const earlier = before.find(
    (request) =>
      request.decided?.outcome === 'allowed' && intentsOf(request).some((other) => digestOfIntent(other) === digest),
  );
  if (earlier === undefined) return undefined;
  return `You have allowed exactly this before, on ${inWords(earlier.decided?.at ?? earlier.requestedAt)}.`;
}

/** Compared with the newest earlier request that has the same key, unless the two are equal. */
function changeOf(detail: AuthorizationDetail, before: readonly KeptRequest[]): IntentChange | undefined {
  for (const request of before) {
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
    .map((label) => {
      const before = was.get(label);
      const now = is.get(label);
      return { label, ...(before === undefined ? {} : { before }), ...(now === undefined ? {} : { now }) };
    });
}

/** A label may occur several times, for example for parties; all of its values are compared together. */
function linesByLabel(detail: AuthorizationDetail): ReadonlyMap<string, string> {
  const lines = new Map<string, string>();
  for (const { label, value } of describeAuthorizationDetail(detail).lines) {
    const earlier = lines.get(label);
    lines.set(label, earlier === undefined ? value : `${earlier}; ${value}`);
  }
  return lines;
}

function outcomeOf({ decided }: KeptRequest): IntentChange['became'] {
  if (decided === undefined) return 'left open';
  return decided.outcome === 'allowed' ? 'allowed' : 'refused';
}

/** The intents of a stored request. They were checked on arrival, so one that does not parse comes from another release. */
export function intentsOf({ asked }: Pick<KeptRequest, 'asked'>): readonly AuthorizationDetail[] {
  if (asked.details === undefined) return [];
  const parsed = parseAuthorizationDetails(asked.details, { maxItems: mostDetails });
  return parsed.ok ? parsed.value : [];
}

/** Its application authorization details: checked on arrival and again when shown. */
export function applicationDetailsOf({ asked }: Pick<KeptRequest, 'asked'>): readonly ApplicationDetail[] {
  return namesApplicationDetails(asked.details, mostDetails) ? asked.details : [];
}

/** To the minute, in UTC: `2026-11-23, 17:00 UTC`. */
export function inWords(milliseconds: number): string {
  const instant = toInstant(milliseconds);
  return `${instant.slice(0, 10)}, ${instant.slice(11, 16)} UTC`;
}
