import {
  type Authentication,
  type Client,
  type DirectorySnapshot,
  haltableParties,
  haltDetail,
  haltInForce,
  type ProtocolScope,
  revocationDetail,
  type StandingReader,
  standingRevocation,
} from '@countersign/contracts';
import type { Json, MandateId } from '@countersign/kernel';
import {
  changesMarket,
  intentOf,
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

/** Rules that no policy can relax, for every grant: intents for market scopes, traders, algorithms, and the class of the sign-in. */
export function checkAuthority(bounds: AuthorityBounds): void {
  for (const scope of bounds.scopes) {
    if (!isScope(scope)) continue;
    checkPurpose(scope, bounds);
    checkSubject(scope, bounds);
    checkAlgorithms(scope, bounds);
    checkSignIn(scope, bounds);
  }
}

/** Without an intent or a step: read, cancel, and submit approvals to our own interface. */
function checkPurpose(scope: Scope, { granted, step, audience, issuer }: AuthorityBounds): void {
  if (granted !== undefined || step !== undefined) return;
  if (changesMarket(scope))
    throw refuse(
      'details_missing',
      `${scope} needs an intent. Name it in authorization_details or, at ${stepsInterface(issuer)}, name the step of a transaction.`,
    );
  if (kindOfScope(scope) === 'approving' && !audience.startsWith(`${issuer}/`))
    throw refuse('details_missing', `${scope} without an intent is only for ${stepsInterface(issuer)}.`);
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
      // A service continues a deal but does not start one.
      if (deals && step === undefined)
        throw deny('trader_needed', `${scope} for a new intent is for traders and algorithms, not for a service.`);
      return;
    case undefined:
      throw refuse('principal_unknown', `${authority.subject} is not in the directory.`);
    default:
      principal satisfies never;
  }
}

/** Every acting algorithm, for itself or for others. */
function checkAlgorithms(scope: Scope, { authority, directory }: AuthorityBounds): void {
  for (const id of [authority.subject, ...authority.actors]) {
    const principal = directory.principal(id);
    if (principal?.kind !== 'agent') continue;
    if (!isForAlgorithms(scope))
      throw deny('agent_not_entitled', `${scope} is for people and services, and ${id} is an algorithm.`);
    if (changesMarket(scope) && !['Approved', 'Registered'].includes(principal.model.status))
      throw deny('agent_not_certified', `The model of ${id} is not Approved or Registered. Have it certified.`);
  }
}
/** The tiers of our own sign-ins apply to all others. */
function checkSignIn(scope: Scope, { authority, directory, authentication }: AuthorityBounds): void {
  if (directory.principal(authority.subject)?.kind !== 'person') return;
  const tier: Tier = tierOfScope(scope);
  const classes = authentication.classesFor(tier);
  const { acr } = authority.authentication;
  if (classes === undefined || (acr !== undefined && classes.includes(acr))) return;
  throw deny(
    'sign_in_too_weak',
    `${scope} needs a sign-in of the class ${classes.join(' or ')}. Ask the person to sign in again with a security key.`,
    { acr_values: classes.join(' '), tier },
  );
}

/**
 * Whether the mandate, or any party of the token with its institution, is revoked until lifted.
 *
 * @throws CodedError `access_denied` (`authority_revoked`); `log_unavailable`
 */
export async function checkRevoked(
  parties: {
    readonly authority: Pick<Authority, 'subject' | 'actors' | 'institution'>;
    readonly client: Pick<Client, 'id' | 'principal' | 'institution'>;
    readonly directory: Pick<DirectorySnapshot, 'principal'>;
    readonly mandates?: readonly MandateId[];
  },
  log: StandingReader,
): Promise<void> {
  const { authority, client, directory, mandates = [] } = parties;
  const principals = [...new Set([authority.subject, ...authority.actors, client.principal])];
  const institutions = new Set([authority.institution, client.institution]);
  for (const id of principals) {
    const institution = directory.principal(id)?.institution;
    if (institution !== undefined) institutions.add(institution);
  }
  const of = { principals, clients: [client.id], institutions: [...institutions], mandates };
  const found = await standingRevocation(of, log);
  if (found !== undefined)
    throw refuse('authority_revoked', revocationDetail(found), { revoked: found.kind, revocation: found.record });
}

/**
 * Whether a halt stops the token: one for a new intent, or for a step that deals. Reading, cancelling, and completing what was
 * executed remain possible. The transaction registry applies the exact rule to each step.
 *
 * @throws CodedError `access_denied` (`trading_halted`); `log_unavailable`
 */
export async function checkHalted(
  request: {
    readonly authority: Pick<Authority, 'subject' | 'actors' | 'institution'>;
    readonly client: Pick<Client, 'id' | 'principal' | 'institution'>;
    readonly directory: Pick<DirectorySnapshot, 'principal' | 'instrument'>;
    readonly scopes: ReadonlySet<Scope | ProtocolScope>;
    readonly granted: GrantedDetail | undefined;
  },
  log: StandingReader,
): Promise<void> {
  const { authority, client, directory, scopes, granted } = request;
  const stops = [...scopes].some(
    (scope) => isScope(scope) && (granted === undefined ? kindOfScope(scope) === 'dealing' : changesMarket(scope)),
  );
  if (!stops) return;
  const parties = haltableParties(
    {
      principals: [authority.subject, ...authority.actors, client.principal],
      clients: [client.id],
      institutions: [authority.institution, client.institution],
      // A parsed detail is JSON by its schema; its type names members where JSON's has an index.
      intent: granted && (intentOf(granted.detail) as unknown as Readonly<Record<string, Json>>),
    },
    directory,
  );
  const found = await haltInForce(parties, log);
  if (found !== undefined)
    throw refuse('trading_halted', haltDetail(found), { halted: found.kind, halt: found.record });
}
