import {
  type ApproverRole,
  type Authentication,
  approverRoles,
  authenticationErrors,
  authenticatorErrors,
  type Directory,
  hardwareAcr,
  type Person,
  type ShownToApprover,
  type SignIn,
  type Statements,
  transactionErrors,
} from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  digestOf,
  epochSeconds,
  isCodedError,
  type Json,
  parseId,
  type Random,
} from '@countersign/kernel';
import { csrfTokenOf, matchesCsrfToken } from '@countersign/runtime';
import { approvalStatementType } from '../approvals/approval-claims.ts';
import type { BeforeApprover } from '../before-approver.ts';
import { notVisible } from '../explain-refusal.ts';
import { viewShownTo } from '../shown.ts';
import type { TransactionRegistryComponent } from '../transaction-registry.ts';
import type { AskedApproval, IntentContent } from './intent-page.ts';
import { approverPageErrors } from './problem-page.ts';

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
  /** Accepted authenticator classes, as configured for the registry. */
  readonly acrValues?: readonly string[];
  /** Path of the page for access requests from applications. */
  readonly otherPath?: string;
}

export interface ApproverVisit {
  readonly browser: string;
  readonly cookie: string | undefined;
  readonly address: string | undefined;
  /** Whether the browser returns from a sign-in; it is not sent there twice. */
  readonly returned: boolean;
  readonly lang: string;
}

export interface Here {
  readonly signIn: SignIn;
  readonly person: Person;
}

export type Fields = ReadonlyMap<string, string>;

const returnedQuery = 'after=sign-in';

/** Time to sign after opening the page, and validity of the approval; in seconds. */
const signingSeconds = 600;
const approvalSeconds = 3_600;

/** The common steps of the approval pages: sign-in, visibility, and the statement to sign. */
export function createVisits(dependencies: ApproverPagesDependencies) {
  const { transactions, authentication, statements, directory, clock, random } = dependencies;
  const { acrValues = [hardwareAcr] } = dependencies;

  return {
    /** The person signed in for approvals, or the address of the sign-in. */
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
        throw authenticationErrors.error('person_unknown', 'You are not in the directory, or your entry is inactive.');
      return { signIn, person };
    },

    async find(text: string, person: Person): Promise<BeforeApprover> {
      const id = parseId('transaction', text);
      const before = id === undefined ? undefined : await transactions.desk.before(id, person);
      if (before === undefined) throw notVisible();
      if (before.view.initiator !== person.id && !approverRoles.some((role) => person.roles.includes(role)))
        throw transactionErrors.error('approval_role', `Approving needs the role ${approverRoles.join(' or ')}.`);
      return before;
    },

    /** Prepares the statement that the person's authenticator signs. @param shown digest of the page content */
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

    /** What the page asks for: a signature, a role, or neither with the reason. */
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
        // Viewing and declining need no authenticator.
        if (isCodedError(error) && Object.hasOwn(authenticatorErrors.codes, error.code)) return { fault: error };
        throw error;
      }
    },

    needForm(fields: Fields, subject: string, { signIn }: Here, visit: ApproverVisit): void {
      if (!matchesCsrfToken(fields.get('csrf'), csrfOf(subject, signIn, visit).hash))
        throw approverPageErrors.error('csrf_token_invalid', 'This form is no longer valid. Open the page again.');
    },
  };
}

/** The CSRF token for one subject and session, so that the next person on the same browser cannot reuse the form. */
export function csrfOf(subject: string, { session }: SignIn, { browser }: ApproverVisit) {
  return csrfTokenOf(browser, `transaction approval ${subject} ${session}`);
}

/** Warnings that depend on time alone, which is not a change. */
const timeWarnings: readonly string[] = ['intent_expired', 'intent_expires_soon'];

/** The digest of everything a person decides by; the form sends it back. */
export function shownDigest(befores: readonly BeforeApprover[]): Digest {
  return digestOf(
    befores.map(({ view }) => ({
      transaction: view.transaction,
      intent: view.intentDigest,
      lines: view.lines.map(({ label, value }) => [label, value]),
      warnings: view.warnings.map(({ code }) => code).filter((code) => !timeWarnings.includes(code)),
    })),
  );
}

/** The page content for the record of the approval. @param lang BCP 47 */
export function shownTo({ view }: BeforeApprover, { institution }: Person, lang: string): ShownToApprover {
  const { title, lines, warnings } = viewShownTo(view, institution);
  return { lang, title, lines, warnings };
}
