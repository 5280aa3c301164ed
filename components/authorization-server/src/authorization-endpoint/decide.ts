import {
  type AuditAppender,
  type DecidedRequest,
  type Grant,
  type GrantProposal,
  type GrantRegister,
  grantErrors,
  type Person,
  type SignIn,
} from '@countersign/contracts';
import { type Clock, type CodedError, defined, isCodedError, newId, type Random, toInstant } from '@countersign/kernel';
import { type CheckedRequest, refuse } from '../authorization-request/index.ts';
import type { BrowserSecret } from '../browser.ts';
import type { createCodes } from '../codes/index.ts';
import type { SessionClients } from '../logout/index.ts';
import type { PushedRequests } from '../pushed-requests/index.ts';
import { codeOf, type InteractionId } from './interaction.ts';
import { type AuthorizationFacts, grantedRecord, refusedRecord } from './record.ts';
import type { createInteractionStore, Ending, Interaction, InteractionKey, Unit } from './store.ts';

export interface DecisionDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender;
  readonly grants: Pick<GrantRegister, 'give' | 'deny' | 'change'>;
  readonly codes: Pick<ReturnType<typeof createCodes>, 'issueAs'>;
  readonly pushedRequests: Pick<PushedRequests, 'consume'>;
  readonly sessionClients: Pick<SessionClients, 'remember'>;
  readonly interactions: ReturnType<typeof createInteractionStore>;
}

/** A person who is about to decide a request. */
export interface Decision {
  readonly id: InteractionId;
  readonly key: InteractionKey;
  readonly browser: BrowserSecret;
  readonly facts: AuthorizationFacts & {
    readonly checked: CheckedRequest;
    readonly person: Person;
    readonly signIn: SignIn;
  };
  /** Milliseconds since the epoch at which the permission ends. */
  readonly until: number;
}

/**
 * Allows the request once. Under the lock of the interaction, it uses up the request, records and stores the consent, issues
 * the code and makes its record durable, then commits everything together. A second click, another tab or a reload finds the
 * interaction ended.
 *
 * @param remembered an earlier consent that covers the request; the person is not asked and gives no new consent then
 */
export async function allow(
  decision: Decision,
  remembered: Grant | undefined,
  dependencies: DecisionDependencies,
): Promise<Ending> {
  const { clock, random, audit, codes, sessionClients } = dependencies;
  const { facts, browser, id } = decision;
  const { checked, person, signIn, client } = facts;
  return underLock(decision, dependencies, async (unit, request) => {
    const grant = remembered ?? (await giveConsent(decision, request, dependencies));
    const code = codeOf(browser, id);
    const { request: asked, terms } = checked;
    const [resource] = terms.resources;
    await codes.issueAs(
      code,
      {
        grant: grant.id,
        client: client.id,
        redirectUri: asked.redirectUri,
        ...defined({ codeChallenge: asked.codeChallenge, dpopJkt: asked.dpopJkt, nonce: asked.nonce }),
        session: signIn.session,
        ...(resource === undefined ? {} : { resource }),
        scopes: terms.scopes,
        acr: signIn.acr,
        amr: signIn.amr,
        authTime: signIn.authTime,
        // Only an assertion made at this server can be bound to an intent.
        ...(signIn.issuer === undefined ? { boundTo: signIn.boundTo ?? [] } : {}),
        ...(signIn.device === undefined ? {} : { device: signIn.device }),
      },
      unit.connection,
    );
    // Only a client that gets an ID token learns of the session and can be notified of its end.
    if (terms.scopes.includes('openid'))
      await sessionClients.remember(
        { session: signIn.session, client: client.id, subject: person.id },
        unit.connection,
      );
    const recordId = newId('record', { clock, random });
    await audit.append(grantedRecord(recordId, { ...facts, grant, remembered: remembered !== undefined, code }));
    return { outcome: 'allowed' };
  });
}

/** Denies the request because the person refused. */
export async function deny(decision: Decision, dependencies: DecisionDependencies): Promise<Ending> {
  const { clock, random, audit, grants } = dependencies;
  return underLock(decision, dependencies, async (_unit, request) => {
    const { expiresAt: _expiresAt, ...refused } = proposalOf(decision);
    const record = await grants.deny(refused, request);
    const error = refuse('consent_denied', 'The person refused.');
    await audit.append(refusedRecord(newId('record', { clock, random }), error, decision.facts, [record]));
    return endingOf(error);
  });
}

/** The error with which an interaction ends, as the client receives it. */
export function endingOf(error: CodedError): Ending {
  return { outcome: 'refused', error: error.code, description: plainText(error.detail) };
}

async function underLock(
  { key, facts }: Decision,
  { interactions, pushedRequests, clock }: DecisionDependencies,
  decide: (unit: Unit, request: DecidedRequest) => Promise<Ending>,
): Promise<Ending> {
  return interactions.underLock(key, async (interaction, unit) => {
    if (interaction === undefined) throw refuse('interaction_unknown', 'This page is not open in this browser.');
    if (interaction.ended !== undefined) return interaction.ended;
    // The single use of a request URI: if two browsers decide at the same time, the second waits here and finds it used.
    if (
      interaction.pushed !== undefined &&
      !(await pushedRequests.consume(interaction.pushed.hash, clock.now(), unit.connection))
    )
      throw refuse('request_uri_used', `The request of ${facts.client.name} was answered before.`);
    const ending = await decide(unit, decidedRequest(key, interaction));
    await unit.end(ending);
    return ending;
  });
}

/** If two browsers have the same request, each has its own interaction. */
function decidedRequest({ id }: InteractionKey, { startedAt }: Interaction): DecidedRequest {
  return { id: `interaction/${id.toString('base64url')}`, askedAt: startedAt };
}

async function giveConsent(
  decision: Decision,
  request: DecidedRequest,
  { grants }: DecisionDependencies,
): Promise<Grant> {
  const proposal = proposalOf(decision);
  const { grantManagement: managed } = decision.facts.checked.request;
  const changed = managed === undefined || managed.action === 'create' ? undefined : managed;
  try {
    return changed === undefined
      ? await grants.give(proposal, request)
      : await grants.change(changed.grantId, changed.action, proposal, request);
  } catch (error) {
    if (!isCodedError(error) || !Object.hasOwn(grantErrors.codes, error.code)) throw error;
    // Given before a process crashed, and revoked before the person repeated the decision.
    if (changed === undefined)
      throw refuse(
        'interaction_decided',
        `You have allowed this already, and it was revoked since. Go back to ${decision.facts.client.name}.`,
      );
    // Ended since it was looked up, or belongs to another client or person.
    throw refuse('grant_unknown', 'The grant_id names no grant of this client and person.');
  }
}

function proposalOf({ facts, until }: Decision): GrantProposal {
  const { checked, person, signIn, client } = facts;
  return {
    ...checked.terms,
    client: client.id,
    subject: person.id,
    institution: person.institution,
    acr: signIn.acr,
    amr: signIn.amr,
    authTime: signIn.authTime,
    ...(signIn.boundTo === undefined ? {} : { boundTo: signIn.boundTo }),
    session: signIn.session,
    expiresAt: toInstant(until),
  };
}

/** The characters that RFC 6749 section 4.1.2.1 allows in a description: printable ASCII without quotation mark and backslash. */
export function plainText(text: string): string {
  return text
    .slice(0, 500)
    .replaceAll('"', "'")
    .replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}
