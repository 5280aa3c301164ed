import {
  type Actor,
  type DecisionReason,
  type Directory,
  parseClientId,
  type RevocableParties,
  revocationDetail,
  type StandingLister,
  type StandingReader,
  type StandingRevocation,
  standingRevocation,
  standingRevocations,
} from '@countersign/contracts';
import type { TradingInput } from './trading-input.ts';

/** Who acts in the token that came to the enforcement point, beside its subject. */
export interface TokenHolders {
  readonly actors: readonly string[];
}

/** What is asked about revocations. */
interface RevocationQuestion {
  readonly input: TradingInput;
  readonly holders: TokenHolders;
  /** The mandate of the transaction with all that it is cut from. */
  readonly mandates: readonly string[];
}

export interface RevocationDependencies {
  readonly audit: StandingReader & StandingLister;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly operator: string | undefined;
}

type Found = Pick<StandingRevocation, 'kind' | 'id' | 'record'>;

const pageSize = 1_000;

/**
 * Whether somebody by whom it would be done is revoked, or the mandate it would be done under, by the rule of the token
 * endpoint and the transaction registry: see `TransactionFacts.carriedThrough`. No policy can permit that.
 *
 * @throws CodedError `log_unavailable`
 */
export async function revokedReason(
  question: RevocationQuestion,
  caller: Actor,
  dependencies: RevocationDependencies,
): Promise<DecisionReason | undefined> {
  // What the caller may not know of is denied anyway, and it is not told why.
  if (question.input.resource.type === 'unknown') return undefined;
  const found = await standingRevocation(partiesOf(question, dependencies), dependencies.audit);
  return found === undefined ? undefined : reasonFor(found, caller, dependencies);
}

/** For a search, which asks about many: reads once everything that is revoked. */
export async function everythingRevoked(
  dependencies: RevocationDependencies,
): Promise<(question: RevocationQuestion) => boolean> {
  const revoked = new Set<string>();
  let after: string | undefined;
  do {
    const page = await standingRevocations({ after, limit: pageSize }, dependencies.audit);
    for (const { kind, id } of page.revocations) revoked.add(`${kind}:${id}`);
    after = page.next;
  } while (after !== undefined);
  if (revoked.size === 0) return () => false;
  return (question) => {
    const { principals, clients, institutions, mandates } = partiesOf(question, dependencies);
    return (
      principals.some((id) => revoked.has(`principal:${id}`)) ||
      clients.some((id) => revoked.has(`client:${id}`)) ||
      institutions.some((id) => revoked.has(`partner:${id}`)) ||
      mandates.some((id) => revoked.has(`mandate:${id}`))
    );
  };
}

function partiesOf(
  { input, holders, mandates }: RevocationQuestion,
  { directory }: RevocationDependencies,
): RevocableParties {
  const { principal, action, resource, context } = input;
  const facts = resource.type === 'transaction' ? resource.facts : undefined;
  const begins = facts !== undefined && facts.carriedThrough?.includes(action) !== true;
  const principals = [
    ...new Set([principal, ...holders.actors, ...(begins ? [facts.carriedBy ?? facts.initiator] : [])]),
  ];
  const snapshot = directory.snapshot();
  const institutions = principals.flatMap((id) => snapshot.principal(id)?.institution ?? []);
  // The word of the caller for a client can only take away.
  const clients = [parseClientId(context.claimedClient ?? ''), parseClientId(context.client)];
  return {
    principals,
    clients: [...new Set(clients.filter((id) => id !== undefined))],
    institutions: [...new Set<string>(institutions)],
    mandates: begins ? mandates : [],
  };
}

function reasonFor(found: Found, caller: Actor, { directory, operator }: RevocationDependencies): DecisionReason {
  const institution = found.kind === 'principal' ? directory.snapshot().principal(found.id)?.institution : undefined;
  // To another institution a revocation is told without whom it is about.
  const told = found.kind !== 'principal' || caller.institution === operator || institution === caller.institution;
  return {
    code: 'authority_revoked',
    detail: told ? revocationDetail(found) : 'Who began this transaction, or acts in it, is revoked.',
  };
}
