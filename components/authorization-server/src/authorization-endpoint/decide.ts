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
import { plainText } from '../refusal.ts';
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

export interface Decision {
  readonly id: InteractionId;
  readonly key: InteractionKey;
  readonly browser: BrowserSecret;
  readonly facts: AuthorizationFacts & {
    readonly checked: CheckedRequest;
    readonly person: Person;
    readonly signIn: SignIn;
  };
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/**
 * Allows the request once, in one transaction: request, consent, code and record. A repetition finds the interaction ended.
 *
 * @param remembered an earlier consent that covers the request
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
        ...defined({ resource }),
        scopes: terms.scopes,
        acr: signIn.acr,
        amr: signIn.amr,
        authTime: signIn.authTime,
        // Only an assertion made at this server can be bound to an intent.
        ...(signIn.issuer === undefined ? { boundTo: signIn.boundTo ?? [] } : {}),
        ...defined({ device: signIn.device }),
      },
      unit.connection,
    );
    // Only a client with an ID token can be notified of the session's end.
    const { session } = signIn;
    if (terms.scopes.includes('openid'))
      await sessionClients.remember({ session, client: client.id, subject: person.id }, unit.connection);
    const recordId = newId('record', { clock, random });
    await audit.append(grantedRecord(recordId, { ...facts, grant, remembered: remembered !== undefined, code }));
    return { outcome: 'allowed' };
  });
}

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
    // Of two browsers with one request URI, the second waits here and finds it used.
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

/** Two browsers with the same request have two interactions. */
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
    // Given before a crash, and revoked before the repetition.
    if (changed === undefined)
      throw refuse(
        'interaction_decided',
        `You already allowed this, and it has been revoked since. Go back to ${decision.facts.client.name}.`,
      );
    // Ended since, or of another client or person.
    throw refuse('grant_unknown', 'The grant_id does not name a grant of this client and person.');
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
    session: signIn.session,
    ...defined({ boundTo: signIn.boundTo }),
    expiresAt: toInstant(until),
  };
}
