import {
  type Authentication,
  type Client,
  type DirectorySnapshot,
  type SignIn,
  satisfies,
  type TransactionRegistry,
} from '@countersign/contracts';
import { decodeBase64Url, defined, digestOf, type TransactionId } from '@countersign/kernel';
import { describeAuthorizationDetail, digestOfIntent, isScope, type Tier, tierOfScopes } from '@countersign/market';
import { csrfTokenOf, matchesCsrfToken } from '@countersign/runtime';
import type { RequestRules } from '../authorization-request/index.ts';
import type { Visit } from '../browser.ts';
import { membersOfDetail } from '../token-endpoint/index.ts';
import { type Allowing, allowingOf, signatureIn } from './consent-statement.ts';
import { type CheckedApproval, checkApproval, type DecisionDependencies, decideApproval } from './decide-approval.ts';
import { approvalErrors } from './refusals.ts';
import type { BackchannelStore, KeptRequest } from './store.ts';
import { applicationDetailsOf, intentsOf, type Warnings, warningsOf } from './warnings.ts';

export interface ApprovalsDependencies extends DecisionDependencies {
  readonly store: BackchannelStore;
  readonly authentication: Pick<Authentication, 'begin' | 'current'>;
  /** The pages link to its approval pages. */
  readonly transactions?: Pick<TransactionRegistry, 'waitingFor'>;
  /** Called when a decision is durable. */
  decided(): void;
}

export interface ApprovalQuestion extends CheckedApproval {
  readonly id: string;
  readonly request: KeptRequest;
  readonly warnings: Warnings;
  readonly allowing: Allowing;
  /** Awaits this person's approval as well. */
  readonly transaction?: TransactionId;
  readonly form: { readonly csrf: string; readonly seen: string };
}

export interface WaitingApproval {
  readonly id: string;
  readonly request: KeptRequest;
  /** Empty if the request has only scopes. */
  readonly titles: readonly string[];
  /** Undefined if it is no longer in the directory. */
  readonly client: Client | undefined;
}

export type ApprovalStep =
  | { readonly kind: 'sign-in'; readonly location: string }
  | {
      readonly kind: 'list';
      readonly signIn: SignIn;
      readonly waiting: readonly WaitingApproval[];
      readonly directory: DirectorySnapshot;
      /** Whether transactions have approval pages of their own. */
      readonly transactionPages: boolean;
    }
  | { readonly kind: 'question'; readonly question: ApprovalQuestion }
  | {
      readonly kind: 'decided';
      readonly id: string;
      readonly outcome: 'allowed' | 'denied';
      readonly clientName: string;
    };

/** `from-second`: from the additional sign-in that a request needs. */
export type Returned = 'no' | 'from-sign-in' | 'from-second';

/** A person sees only their own requests. */
export interface Approvals {
  /** @param returned whether the browser comes from a sign-in; it is not sent there again */
  list(visit: Visit, returned: boolean): Promise<ApprovalStep>;
  /** @throws CodedError of `approvalErrors`; of `oauthErrors` if the directory no longer permits the request */
  view(id: string, visit: Visit, returned: Returned): Promise<ApprovalStep>;
  /** Decides once. @throws as {@link view}; `csrf_token_invalid` */
  decide(
    id: string,
    form: {
      readonly csrf?: string | undefined;
      readonly seen?: string | undefined;
      readonly decision?: string | undefined;
      readonly handle?: string | undefined;
      /** AuthenticationResponseJSON, if the page asked for a signature. */
      readonly credential?: string | undefined;
    },
    visit: Visit,
  ): Promise<ApprovalStep>;
}

export const approvalsPath = '/approvals';
/** The next ones appear when these are answered. */
const maxShown = 100;
const maxCompared = 20;

export function createApprovals(dependencies: ApprovalsDependencies): Approvals {
  const { store, directory, authentication, transactions, clock, issuer } = dependencies;
  const base = new URL(issuer).pathname.replace(/\/$/, '') + approvalsPath;

  /** A redirect discloses nothing about the request. */
  async function signedIn(
    path: string,
    visit: Visit,
    returned: boolean,
    need: { readonly acrValues: readonly string[]; readonly clientName: string; readonly tier: Tier } = noNeed,
  ): Promise<SignIn | Extract<ApprovalStep, { kind: 'sign-in' }>> {
    const { acrValues, clientName, tier } = need;
    const signIn = await authentication.current(visit.cookie, { tier });
    if (signIn !== undefined && satisfies(signIn, need)) return signIn;
    if (returned) throw signIn === undefined ? abandoned() : tooWeak(need.acrValues);
    const returnTo = `${path}?${tier === listTier ? returnedQuery : secondReturnedQuery}`;
    return {
      kind: 'sign-in',
      location: await authentication.begin({ returnTo, need: { acrValues, tier }, clientName, address: visit.address }),
    };
  }

  /** Only if it is addressed to this person. */
  async function requestFor(id: string, { person }: SignIn): Promise<KeptRequest> {
    const hash = decodeBase64Url(id);
    const request = hash?.length === 32 ? await store.find(hash) : undefined;
    if (request === undefined || request.person !== person) throw unknown();
    return request;
  }

  const nameOf = ({ client }: KeptRequest): string => directory.snapshot().client(client)?.name ?? client;

  async function open(id: string, visit: Visit, returned: Returned): Promise<ApprovalStep | Opened> {
    const path = `${base}/${encodeURIComponent(id)}`;
    const first = await signedIn(path, visit, returned !== 'no');
    if ('kind' in first) return first;
    const request = await requestFor(id, first);
    const name = nameOf(request);
    if (request.decided !== undefined)
      return { kind: 'decided', id, outcome: request.decided.outcome, clientName: name };
    if (request.expiresAt <= clock.now())
      throw approvalErrors.error('approval_expired', `The request of ${name} has expired. Start it again there.`);
    // Only now: the required class would disclose to a stranger that a request exists.
    const tier = tierFor(request);
    const need = { acrValues: request.acrValues, clientName: name, tier };
    const back = tier === listTier ? returned !== 'no' : returned === 'from-second';
    const signIn = await signedIn(path, visit, back, need);
    if ('kind' in signIn) return signIn;
    // The second session may belong to another person.
    if (signIn.person !== request.person) throw unknown();
    return { request, signIn };
  }

  return {
    async list(visit, returned) {
      const signIn = await signedIn(base, visit, returned);
      if ('kind' in signIn) return signIn;
      const snapshot = directory.snapshot();
      const detailTypes = dependencies.policyEngine.detailTypes();
      const waiting = await store.waitingFor(signIn.person, clock.now(), maxShown);
      return {
        kind: 'list',
        signIn,
        waiting: waiting.map((request) => ({
          id: request.hash.toString('base64url'),
          request,
          titles: titlesOf(request, detailTypes),
          client: snapshot.client(request.client),
        })),
        directory: snapshot,
        transactionPages: transactions !== undefined,
      };
    },

    async view(id, visit, returned) {
      const opened = await open(id, visit, returned);
      if ('kind' in opened) return opened;
      const { request, signIn } = opened;
      const checked = checkApproval(request, signIn, dependencies);
      const [earlierRequests, waiting] = await Promise.all([
        store.askedBefore(request, maxCompared),
        store.waitingFor(request.person, clock.now(), maxShown),
      ]);
      const { client, terms } = checked;
      const warnings = warningsOf({ request, details: terms.details, client, signIn, earlierRequests, waiting });
      const form = { csrf: formOf(id, signIn, visit).token, seen: digestOf(terms) };
      const allowing = await allowingOf(request, terms, dependencies);
      const found =
        terms.details.length === 0
          ? undefined
          : await transactions?.waitingFor(request.person, terms.details.map(digestOfIntent));
      const transaction = found?.waiting[0]?.view.transaction;
      return {
        kind: 'question',
        question: { id, request, ...checked, warnings, allowing, ...defined({ transaction }), form },
      };
    },

    async decide(id, form, visit) {
      const opened = await open(id, visit, 'no');
      if ('kind' in opened) return opened;
      const { signIn } = opened;
      if (!matchesCsrfToken(form.csrf, formOf(id, signIn, visit).hash))
        throw approvalErrors.error(
          'csrf_token_invalid',
          'This form did not come from the page that you were shown. Open the page again.',
        );
      const decision = decisionOf(form.decision);
      const signed = decision === 'allow' ? await signatureIn(form, signIn.person, dependencies) : undefined;
      const { hash } = opened.request;
      const decided = { hash, decision, seen: form.seen, signIn, signed, address: visit.address };
      const outcome = await decideApproval(decided, dependencies);
      dependencies.decided();
      return { kind: 'decided', id, outcome, clientName: nameOf(opened.request) };
    },
  };
}

interface Opened {
  readonly request: KeptRequest;
  readonly signIn: SignIn;
}

export const returnedQuery = 'after=sign-in';
export const secondReturnedQuery = 'after=second-sign-in';

/** Shared by the list and all requests. */
const listTier = 'order-entry';
const noNeed = { acrValues: [], clientName: 'Your approvals', tier: listTier } as const;

/** As in the code flow, the scopes determine the sign-in. */
function tierFor({ asked }: KeptRequest): Tier {
  const needed = tierOfScopes(asked.scope.filter(isScope));
  return needed === 'approval' || needed === 'administration' ? needed : listTier;
}

function titlesOf(request: KeptRequest, types: RequestRules['detailTypes']): readonly string[] {
  return [
    ...intentsOf(request).map((detail) => describeAuthorizationDetail(detail).title),
    ...applicationDetailsOf(request).map((detail) => {
      const described = types.get(detail.type)?.describe?.(membersOfDetail(detail));
      return described?.title ?? detail.type;
    }),
  ];
}

/** For this request and session only: the next person cannot submit a form shown to another. */
function formOf(id: string, { session }: SignIn, { browser }: Visit) {
  return csrfTokenOf(browser, `approval ${id} ${session}`);
}

function decisionOf(text: string | undefined): 'allow' | 'refuse' {
  if (text === 'allow' || text === 'refuse') return text;
  throw approvalErrors.error('decision_missing', 'The form does not say whether you allow or refuse.');
}

function unknown() {
  return approvalErrors.error('approval_unknown', 'No request at this address awaits your decision.');
}

function abandoned() {
  return approvalErrors.error(
    'sign_in_abandoned',
    'You are not signed in. Sign in to see the requests awaiting your decision.',
  );
}

function tooWeak(acrValues: readonly string[]) {
  return approvalErrors.error('sign_in_class', `You need to sign in by one of the classes ${acrValues.join(' ')}.`);
}
