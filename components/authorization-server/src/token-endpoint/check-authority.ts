import {
  type Authentication,
  type Client,
  type DirectorySnapshot,
  type ProtocolScope,
  revocationDetail,
  type StandingReader,
  standingRevocation,
} from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';
import {
  changesMarket,
  isForAlgorithms,
  isScope,
  kindOfScope,
  type Scope,
  type Tier,
  type TransactionStep,
  tierOfScope,
} from '@countersign/market';
import type { Authority } from '../grant-handler.ts';
import { deny, refuse } from '../refusal.ts';
import type { GrantedDetail } from './check-details.ts';
import { stepsInterface } from './open-transaction.ts';

interface AuthorityBounds {
  readonly scopes: ReadonlySet<Scope | ProtocolScope>;
  readonly audience: string;
  readonly authority: Authority;
  readonly granted: GrantedDetail | undefined;
  readonly step: TransactionStep | undefined;
  readonly directory: DirectorySnapshot;
  readonly authentication: Pick<Authentication, 'classesFor'>;
  readonly issuer: string;
}

/**
 * Rules that no policy can relax, for every grant. Scopes that change something in a market require an intent or a step.
 * Only traders and certified algorithms deal. No algorithm approves or governs. A person's sign-in must have the class that
 * the scope's tier requires, whichever party vouches for it.
 */
export function checkAuthority(bounds: AuthorityBounds): void {
  for (const scope of bounds.scopes) {
    if (!isScope(scope)) continue;
    checkPurpose(scope, bounds);
    checkSubject(scope, bounds);
    checkAlgorithms(scope, bounds);
    checkSignIn(scope, bounds);
  }
}

/** Without an intent or a step, a token can read, cancel, and submit approvals to our own interface. */
function checkPurpose(scope: Scope, { granted, step, audience, issuer }: AuthorityBounds): void {
  if (granted !== undefined || step !== undefined) return;
  if (changesMarket(scope))
    throw refuse(
      'details_missing',
      `${scope} changes something in a market: name the one intent that the token is for in authorization_details or, at ${stepsInterface(issuer)}, the step of a transaction.`,
    );
  if (kindOfScope(scope) === 'approving' && !audience.startsWith(`${issuer}/`))
    throw refuse('details_missing', `${scope} without an intent is for ${stepsInterface(issuer)} alone.`);
}

function checkSubject(scope: Scope, { authority, directory, step }: AuthorityBounds): void {
  if (!changesMarket(scope)) return;
  const principal = directory.principal(authority.subject);
  const deals = kindOfScope(scope) === 'dealing';
  switch (principal?.kind) {
    case 'person':
      if (deals && !principal.roles.includes('trader'))
        throw deny('trader_needed', `${scope} needs the role trader, which ${principal.id} does not hold.`);
      return;
    case 'agent':
      return;
    case 'service':
      // A service continues what a trader or an algorithm started; it starts no deal itself.
      if (deals && step === undefined)
        throw deny('trader_needed', `${scope} for a new intent is for traders and algorithms, not for a service.`);
      return;
    case undefined:
      throw refuse('principal_unknown', `${authority.subject} is not in the directory.`);
    default:
      principal satisfies never;
  }
}

/** Every algorithm that acts, for itself or for another party: it may not do for others what it may not do itself. */
function checkAlgorithms(scope: Scope, { authority, directory }: AuthorityBounds): void {
  for (const id of [authority.subject, ...authority.actors]) {
    const principal = directory.principal(id);
    if (principal?.kind !== 'agent') continue;
    if (!isForAlgorithms(scope))
      throw deny('agent_not_entitled', `${scope} is for people and services: ${id} is an algorithm.`);
    if (changesMarket(scope) && !['Approved', 'Registered'].includes(principal.model.status))
      throw deny(
        'agent_not_certified',
        `The certificate of ${id} does not stand at Approved or Registered: have it certified.`,
      );
  }
}

/**
 * The tiers of our own sign-ins apply to all others: a trust profile names trusted parties but does not decide what their
 * sign-in is sufficient for.
 */
function checkSignIn(scope: Scope, { authority, directory, authentication }: AuthorityBounds): void {
  if (directory.principal(authority.subject)?.kind !== 'person') return;
  const tier: Tier = tierOfScope(scope);
  const classes = authentication.classesFor(tier);
  const { acr } = authority.authentication;
  if (classes === undefined || (acr !== undefined && classes.includes(acr))) return;
  throw deny(
    'sign_in_too_weak',
    `${scope} needs a sign-in of the class ${classes.join(' or ')}: ask the person to sign in again with a security key.`,
    { acr_values: classes.join(' '), tier },
  );
}

/**
 * Checks whether the mandate or any party of the token is revoked: the subject, every actor, the client and its principal,
 * and their institutions. A revocation applies until it is lifted.
 *
 * @throws CodedError `access_denied` (`authority_revoked`); `log_unavailable`
 */
export async function checkRevoked(
  {
    authority,
    client,
    directory,
    mandates = [],
  }: {
    readonly authority: Pick<Authority, 'subject' | 'actors' | 'institution'>;
    readonly client: Pick<Client, 'id' | 'principal' | 'institution'>;
    readonly directory: Pick<DirectorySnapshot, 'principal'>;
    readonly mandates?: readonly MandateId[];
  },
  log: StandingReader,
): Promise<void> {
  const principals = [...new Set([authority.subject, ...authority.actors, client.principal])];
  const institutions = new Set([authority.institution, client.institution]);
  for (const id of principals) {
    const institution = directory.principal(id)?.institution;
    if (institution !== undefined) institutions.add(institution);
  }
  const found = await standingRevocation(
    { principals, clients: [client.id], institutions: [...institutions], mandates },
    log,
  );
  if (found !== undefined)
    throw refuse('authority_revoked', revocationDetail(found), { revoked: found.kind, revocation: found.record });
}
