import {
  type ApproverRole,
  type Authentication,
  approverRoles,
  authenticationErrors,
  authenticatorErrors,
  type Directory,
  hardwareAcr,
  type Person,
  type SignIn,
  type Statements,
  transactionErrors,
} from '@countersign/contracts';
import { type Clock, epochSeconds, isCodedError, type Json, parseId, type Random } from '@countersign/kernel';
import { csrfTokenOf, matchesCsrfToken } from '@countersign/runtime';
import { approvalStatementType } from '../approvals/approval-jws.ts';
import type { BeforeApprover } from '../before-approver.ts';
import type { TransactionRegistryComponent } from '../transaction-registry.ts';
import type { AskedApproval, IntentContent } from './intent-page.ts';
import { approverPageErrors } from './refusals.ts';

export interface ApproverPagesDependencies {
  readonly transactions: Pick<
    TransactionRegistryComponent,
    'approve' | 'approveBatch' | 'decline' | 'waitingFor' | 'withdrawApproval' | 'desk'
  >;
  readonly authentication: Pick<Authentication, 'begin' | 'current'>;
  readonly statements: Statements;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Classes of authenticators of which one is enough; as the registry was given them. */
  readonly acrValues?: readonly string[];
  /** Path of the page where software asks a person for permission. */
  readonly otherPath?: string;
}

/** One browser before a page. */
export interface ApproverVisit {
  /** What it is known by from one page to the next. */
  readonly browser: string;
  /** `Cookie` header. */
  readonly cookie: string | undefined;
  /** IP address of the browser. */
  readonly address: string | undefined;
  /** Whether it comes back from a sign-in: it is not sent there a second time. */
  readonly returned: boolean;
  /** BCP 47: the words around what is shown. */
  readonly lang: string;
}

/** Who is there. */
export interface Here {
  readonly signIn: SignIn;
  readonly person: Person;
}

/** What a form of ours sent. */
export type Fields = ReadonlyMap<string, string>;

/** On the way back from a sign-in. */
const returnedQuery = 'after=sign-in';

/** How long a person may look before they sign, and how long their approval counts from then on; in seconds. */
const signingSeconds = 600;
const approvalSeconds = 3_600;

/** What every page of approvers does first: who is there, what they may see, what they are asked to sign. */
export function createVisits(dependencies: ApproverPagesDependencies) {
  const { transactions, authentication, statements, directory, clock, random } = dependencies;
  const { acrValues = [hardwareAcr] } = dependencies;

  return {
    /** Who is signed in for approvals, or the way there. */
    async signedIn(path: string, visit: ApproverVisit): Promise<Here | { readonly location: string }> {
      const signIn = await authentication.current(visit.cookie, { tier: 'approval' });
      if (signIn === undefined) {
        if (visit.returned) throw approverPageErrors.error('sign_in_abandoned', 'You are not signed in for approvals.');
        const need = { acrValues: [], tier: 'approval' } as const;
        const returnTo = `${path}${path.includes('?') ? '&' : '?'}${returnedQuery}`;
        return {
          location: await authentication.begin({ returnTo, need, clientName: 'Countersign', address: visit.address }),
        };
      }
      const person = directory.snapshot().principal(signIn.person);
      if (person?.kind !== 'person' || person.active === false)
        throw authenticationErrors.error('person_unknown', 'You are not in the directory, or not active.');
      return { signIn, person };
    },

    /** @throws CodedError `transaction_not_found`, `approval_role`: who approves nothing is shown nothing but their own */
    async find(text: string, person: Person): Promise<BeforeApprover> {
      const id = parseId('transaction', text);
      const before = id === undefined ? undefined : await transactions.desk.before(id, person);
      if (before === undefined)
        throw transactionErrors.error(
          'transaction_not_found',
          'There is no such transaction, or it is not yours to see.',
        );
      if (before.view.initiator !== person.id && !approverRoles.some((role) => person.roles.includes(role)))
        throw transactionErrors.error('approval_role', `Approving needs the role ${approverRoles.join(' or ')}.`);
      return before;
    },

    /** Has the authenticator of a person asked for an approval of this. @param shown digest of what the page shows */
    async ask(
      person: Person,
      role: ApproverRole,
      shown: string,
      claims: Readonly<Record<string, Json>>,
    ): Promise<AskedApproval> {
      const iat = epochSeconds(clock.now());
      const exp = iat + approvalSeconds;
      const jti = Buffer.from(random.bytes(16)).toString('base64url');
      const asked = await statements.ask({
        person: person.id,
        claims: { typ: approvalStatementType, iss: person.id, ...claims, decision: 'approve', role, iat, exp, jti },
        acrValues,
        lifeSeconds: signingSeconds,
      });
      return { asked, role, shown, until: exp * 1000 };
    },

    /** What can be asked for now: a signature, the choice of a role first, or why neither. */
    async question(
      roles: readonly ApproverRole[],
      named: string | undefined,
      askFor: (role: ApproverRole) => Promise<AskedApproval>,
    ): Promise<Pick<IntentContent, 'asked' | 'choice' | 'fault'>> {
      const [only, ...others] = roles;
      if (only === undefined) return {};
      const role = others.length === 0 ? only : roles.find((one) => one === named);
      if (role === undefined) return { choice: roles };
      try {
        return { asked: await askFor(role) };
      } catch (error) {
        // They may look at it, and decline: only signing needs an authenticator.
        if (isCodedError(error) && Object.hasOwn(authenticatorErrors.codes, error.code)) return { fault: error };
        throw error;
      }
    },

    /** @throws CodedError `form_forged` */
    needForm(fields: Fields, subject: string, { signIn }: Here, visit: ApproverVisit): void {
      if (!matchesCsrfToken(fields.get('csrf'), csrfOf(subject, signIn, visit).hash))
        throw approverPageErrors.error(
          'form_forged',
          'This form was not sent from the page that you were shown. Open it again.',
        );
    },
  };
}

/** For this subject and this session: a form that one person was shown is none for the next who signs in. */
export function csrfOf(subject: string, { session }: SignIn, { browser }: ApproverVisit) {
  return csrfTokenOf(browser, `transaction approval ${subject} ${session}`);
}
