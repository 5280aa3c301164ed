import {
  type AuditAppender,
  type Authentication,
  type Client,
  type Directory,
  type DirectorySnapshot,
  type GrantProposal,
  type GrantRegister,
  type GrantTerms,
  type Person,
  type SignIn,
  satisfies,
} from '@countersign/contracts';
import {
  type Clock,
  decodeBase64Url,
  digestOf,
  isCodedError,
  newId,
  type Random,
  toInstant,
} from '@countersign/kernel';
import { csrfTokenOf, matchesCsrfToken } from '@countersign/runtime';
import type { Visit } from '../authorization-endpoint/authorization-endpoint.ts';
import { checkPerson } from '../authorization-endpoint/check-person.ts';
import { type ConsentLifetimes, defaultConsentLifetimes, grantExpiry } from '../authorization-endpoint/grant-expiry.ts';
import { refuse as refuseAuthorization } from '../authorization-endpoint/refusals.ts';
import { type ClientRules, checkClient } from '../client-endpoint/check-client.ts';
import { type ApprovalFacts, approvalRecord, refusedApprovalRecord } from './approval-records.ts';
import { checkTerms } from './check-terms.ts';
import { approvalErrors, refuse } from './refusals.ts';
import type { BackchannelStore, KeptRequest } from './store.ts';
import { type Warnings, warningsOf } from './warnings.ts';

export interface ApprovalsDependencies extends ClientRules {
  readonly issuer: string;
  readonly store: BackchannelStore;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly authentication: Pick<Authentication, 'begin' | 'current'>;
  readonly grants: Pick<GrantRegister, 'give' | 'deny'>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly lifetimes?: ConsentLifetimes;
  /** Somebody has decided, durably. */
  decided(): void;
}

/** One request before the person whom it asks. */
export interface ApprovalQuestion {
  readonly id: string;
  readonly request: KeptRequest;
  readonly client: Client;
  readonly person: Person;
  readonly signIn: SignIn;
  readonly terms: GrantTerms;
  readonly directory: DirectorySnapshot;
  /** Milliseconds since the epoch: when what is allowed ends. */
  readonly until: number;
  readonly warnings: Warnings;
  readonly form: { readonly csrf: string; readonly seen: string };
}

/** One line of the list. */
export interface WaitingApproval {
  readonly id: string;
  readonly request: KeptRequest;
  /** Undefined where the client has left the directory. */
  readonly client: Client | undefined;
}

export type ApprovalStep =
  | { readonly kind: 'sign-in'; readonly location: string }
  | {
      readonly kind: 'list';
      readonly signIn: SignIn;
      readonly waiting: readonly WaitingApproval[];
      readonly directory: DirectorySnapshot;
      readonly now: number;
    }
  | { readonly kind: 'question'; readonly question: ApprovalQuestion }
  | {
      readonly kind: 'decided';
      readonly id: string;
      readonly outcome: 'allowed' | 'denied';
      readonly clientName: string;
    };

/** A person's own page of what is asked of them. Nobody is shown what is asked of somebody else. */
export interface Approvals {
  /** @param returned whether the browser comes back from a sign-in: it is not sent there a second time */
  list(visit: Visit, returned: boolean): Promise<ApprovalStep>;
  /**
   * @throws CodedError of `approvalErrors`; of `oauthErrors` where it cannot be allowed any more, by what the directory
   *   says of client and person now
   */
  view(id: string, visit: Visit, returned: boolean): Promise<ApprovalStep>;
  /** Decides, once: a second click and another tab find it decided. @throws as {@link view}; `form_forged` */
  decide(
    id: string,
    form: {
      readonly csrf?: string | undefined;
      readonly seen?: string | undefined;
      readonly decision?: string | undefined;
    },
    visit: Visit,
  ): Promise<ApprovalStep>;
}

export const approvalsPath = '/approvals';
/** More than anybody reads; the next show when these are answered. */
const mostShown = 100;
const mostCompared = 20;

export function createApprovals(dependencies: ApprovalsDependencies): Approvals {
  const { store, directory, authentication, clock, issuer } = dependencies;
  const lifetimes = dependencies.lifetimes ?? defaultConsentLifetimes;
  const base = new URL(issuer).pathname.replace(/\/$/, '') + approvalsPath;

  /** Who is signed in, or the way to the sign-in, which says nothing of what may be asked for afterwards. */
  async function signedIn(
    path: string,
    visit: Visit,
    returned: boolean,
    need: { readonly acrValues: readonly string[]; readonly clientName: string } = noNeed,
  ): Promise<SignIn | Extract<ApprovalStep, { kind: 'sign-in' }>> {
    const signIn = await authentication.current(visit.cookie);
    if (signIn !== undefined && satisfies(signIn, need)) return signIn;
    if (returned) throw signIn === undefined ? abandoned() : tooWeak(need.acrValues);
    const { acrValues, clientName } = need;
    const returnTo = `${path}?${returnedQuery}`;
    return { kind: 'sign-in', location: await authentication.begin({ returnTo, need: { acrValues }, clientName }) };
  }

  /** The request, if it is this person's. */
  async function requestFor(id: string, { person }: SignIn): Promise<KeptRequest> {
    const hash = decodeBase64Url(id);
    const request = hash?.length === 32 ? await store.find(hash) : undefined;
    if (request === undefined || request.person !== person) throw unknown();
    return request;
  }

  /** The rules of the request, asked anew. @throws CodedError of `oauthErrors` */
  function check(request: KeptRequest, signIn: SignIn) {
    const snapshot = directory.snapshot();
    const now = clock.now();
    const client = snapshot.client(request.client);
    if (client === undefined)
      throw refuseAuthorization('client_unknown', 'The software that asks is not known any more.');
    checkClient(client, snapshot, dependencies);
    const person = checkPerson(signIn, { client, directory: snapshot, request: { subject: request.person } });
    const terms = checkTerms(request.asked, { client, directory: snapshot, now });
    return { client, person, terms, directory: snapshot, until: grantExpiry(terms, { client, now, lifetimes }) };
  }

  async function open(id: string, visit: Visit, returned: boolean): Promise<ApprovalStep | Opened> {
    const path = `${base}/${encodeURIComponent(id)}`;
    const first = await signedIn(path, visit, returned);
    if ('kind' in first) return first;
    const request = await requestFor(id, first);
    const name = directory.snapshot().client(request.client)?.name ?? request.client;
    if (request.decided !== undefined)
      return { kind: 'decided', id, outcome: request.decided.outcome, clientName: name };
    if (request.expiresAt <= clock.now())
      throw approvalErrors.error('approval_expired', `The request of ${name} has expired. It can be made again there.`);
    // Only now: what kind of sign-in is needed would tell a stranger that there is something.
    const need = { acrValues: request.acrValues, clientName: name };
    const signIn = await signedIn(path, visit, returned, need);
    return 'kind' in signIn ? signIn : { request, signIn };
  }

  return {
    async list(visit, returned) {
      const signIn = await signedIn(base, visit, returned);
      if ('kind' in signIn) return signIn;
      const now = clock.now();
      const snapshot = directory.snapshot();
      const waiting = await store.waitingFor(signIn.person, now, mostShown);
      return {
        kind: 'list',
        signIn,
        waiting: waiting.map((request) => ({
          id: request.hash.toString('base64url'),
          request,
          client: snapshot.client(request.client),
        })),
        directory: snapshot,
        now,
      };
    },

    async view(id, visit, returned) {
      const opened = await open(id, visit, returned);
      if ('kind' in opened) return opened;
      const { request, signIn } = opened;
      const checked = check(request, signIn);
      const [before, waiting] = await Promise.all([
        store.askedBefore(request, mostCompared),
        store.waitingFor(request.person, clock.now(), mostShown),
      ]);
      const { client, terms } = checked;
      const warnings = warningsOf({ request, details: terms.details, client, signIn, before, waiting });
      const form = { csrf: formOf(id, signIn, visit).token, seen: digestOf(terms) };
      return { kind: 'question', question: { id, request, signIn, ...checked, warnings, form } };
    },

    async decide(id, form, visit) {
      const opened = await open(id, visit, false);
      if ('kind' in opened) return opened;
      const { signIn } = opened;
      if (!matchesCsrfToken(form.csrf, formOf(id, signIn, visit).hash))
        throw approvalErrors.error(
          'form_forged',
          'This form was not sent from the page that you were shown. Open it again.',
        );
      const decision = decisionOf(form.decision);
      const ended = await store.underLock(opened.request.hash, async (request, keep) => {
        if (request === undefined) throw unknown();
        if (request.decided !== undefined) return { outcome: request.decided.outcome, request };
        if (request.expiresAt <= clock.now())
          throw approvalErrors.error(
            'approval_expired',
            'The request has expired. It can be made again where it came from.',
          );
        const facts: ApprovalFacts = { request, signIn, address: visit.address };
        const checked = await recheck(request, facts);
        if (form.seen !== digestOf(checked.terms))
          throw approvalErrors.error(
            'approval_changed',
            'What would be allowed has changed since you were shown it. Look at it again.',
          );
        const proposal = proposalOf(request, checked, signIn);
        return { outcome: await settle(decision, proposal, facts, keep), request };
      });
      dependencies.decided();
      const name = directory.snapshot().client(ended.request.client)?.name ?? ended.request.client;
      return { kind: 'decided', id, outcome: ended.outcome, clientName: name };
    },
  };

  /** {@link check}, with a refusal on record: somebody known wanted to decide and was not let. */
  async function recheck(request: KeptRequest, facts: ApprovalFacts): Promise<ReturnType<typeof check>> {
    try {
      return check(request, facts.signIn);
    } catch (error) {
      if (isCodedError(error)) await dependencies.audit.append(refusedApprovalRecord(newRecordId(), error, facts));
      throw error;
    }
  }

  /** Consent and record are durable before the decision counts. */
  async function settle(
    decision: 'allow' | 'refuse',
    proposal: GrantProposal,
    facts: ApprovalFacts,
    keep: Parameters<Parameters<BackchannelStore['underLock']>[1]>[1],
  ): Promise<'allowed' | 'denied'> {
    const { grants, audit } = dependencies;
    if (decision === 'allow') {
      const grant = await grants.give(proposal);
      await audit.append(approvalRecord(newRecordId(), { ...facts, grant }));
      await keep({ at: clock.now(), grant: grant.id });
      return 'allowed';
    }
    const { expiresAt: _expiresAt, ...refused } = proposal;
    const denial = await grants.deny(refused);
    const error = refuse('consent_denied', 'The person refused.');
    await audit.append(refusedApprovalRecord(newRecordId(), error, { ...facts, terms: proposal }, [denial]));
    await keep({ at: clock.now() });
    return 'denied';
  }

  function newRecordId() {
    return newId('record', dependencies);
  }
}

interface Opened {
  readonly request: KeptRequest;
  readonly signIn: SignIn;
}

/** On the way back from a sign-in. */
export const returnedQuery = 'after=sign-in';

const noNeed = { acrValues: [], clientName: 'Your approvals' };

function proposalOf(
  request: KeptRequest,
  { terms, person, until }: { readonly terms: GrantTerms; readonly person: Person; readonly until: number },
  { acr, amr, authTime, session }: SignIn,
): GrantProposal {
  return {
    ...terms,
    client: request.client,
    subject: person.id,
    institution: person.institution,
    ...{ acr, amr, authTime, session },
    expiresAt: toInstant(until),
  };
}

/** For this request and this session: a form that one person was shown is none for the next who signs in. */
function formOf(id: string, { session }: SignIn, { browser }: Visit) {
  return csrfTokenOf(browser, `approval ${id} ${session}`);
}

function decisionOf(text: string | undefined): 'allow' | 'refuse' {
  if (text === 'allow' || text === 'refuse') return text;
  throw approvalErrors.error('decision_missing', 'The form does not say whether you allow or refuse.');
}

function unknown() {
  return approvalErrors.error('approval_unknown', 'There is nothing at this address that waits for you.');
}

function abandoned() {
  return approvalErrors.error('sign_in_abandoned', 'You are not signed in. Sign in to see what waits for you.');
}

function tooWeak(acrValues: readonly string[]) {
  return approvalErrors.error('sign_in_class', `You need to sign in by one of the classes ${acrValues.join(' ')}.`);
}
