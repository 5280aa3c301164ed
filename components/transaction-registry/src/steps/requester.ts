import {
  type Directory,
  haltableParties,
  haltDetail,
  haltInForce,
  type Principal,
  revocationDetail,
  type StandingReader,
  standingRevocation,
  transactionErrors,
} from '@countersign/contracts';
import type { CodedError, MandateId } from '@countersign/kernel';
import { kindOfScope, type Scope } from '@countersign/market';
import { type AccountDependencies, accountOf } from '../approvals/standing.ts';
import type { Attempt } from '../attempt.ts';
import { intentJson } from '../facts.ts';
import { endsWithoutSuccess, lifeCycleOf, startsNewRisk, stateRuleOf } from '../life-cycles/index.ts';

const certified: readonly string[] = ['Approved', 'Registered'];

/** Checks the requester and the acting chain as at token issuance. Anyone may end a transaction. */
export async function requesterFault(
  { asked, rule }: Pick<Attempt, 'asked' | 'rule'>,
  dependencies: AccountDependencies & { readonly directory: Pick<Directory, 'snapshot'> },
): Promise<CodedError | undefined> {
  if (endsWithoutSuccess(rule)) return undefined;
  const snapshot = dependencies.directory.snapshot();
  for (const id of [asked.by.id, ...(asked.actors ?? [])]) {
    const principal = snapshot.principal(id);
    const fault = principal && entitlementFault(principal, rule.scope);
    if (fault !== undefined) return fault;
    const account = await accountOf(id, dependencies);
    if (account !== 'settled')
      return notPermitted(
        `account_${account}`,
        account === 'locked'
          ? `The account of ${id} is locked. Their firm must unlock it, or another person must take the step.`
          : `The account of ${id} may be compromised, or was recovered recently. Another person must take the step.`,
      );
  }
  return undefined;
}

function entitlementFault(principal: Principal, scope: Scope): CodedError | undefined {
  const deals = kindOfScope(scope) === 'dealing';
  switch (principal.kind) {
    case 'agent':
      // Nothing in its certificate speaks of settling, or of moving assets.
      if (!deals)
        return notPermitted(
          'agent_not_entitled',
          `${scope} is for people and services, but ${principal.id} is an algorithm.`,
        );
      return certified.includes(principal.model.status)
        ? undefined
        : notPermitted(
            'agent_not_certified',
            `The certificate of ${principal.id} is not Approved or Registered. The algorithm must be certified first.`,
          );
    case 'person':
      return deals && !principal.roles.includes('trader')
        ? notPermitted('trader_needed', `${scope} needs the role trader, which ${principal.id} does not hold.`)
        : undefined;
    case 'service':
      return undefined;
    default:
      return principal satisfies never;
  }
}

function notPermitted(code: string, detail: string): CodedError {
  return transactionErrors.error('transition_not_permitted', detail, { facts: { reasons: [{ code, detail }] } });
}

/** Checks the requester, the acting chain and, before execution, the initiator and the mandates. */
export async function revokedFault(
  { asked, rule, transaction }: Attempt,
  mandates: readonly MandateId[],
  { directory, audit }: { readonly directory: Pick<Directory, 'snapshot'>; readonly audit: StandingReader },
): Promise<CodedError | undefined> {
  const snapshot = directory.snapshot();
  const begins = startsNewRisk(rule, stateRuleOf(lifeCycleOf(transaction.detail), transaction.state));
  const initiators = begins ? [transaction.carriedBy ?? transaction.initiator] : [];
  const principals = [...new Set([asked.by.id, ...(asked.actors ?? []), ...initiators])];
  const institutions = new Set([asked.institution]);
  for (const id of principals) {
    const institution = snapshot.principal(id)?.institution;
    if (institution !== undefined) institutions.add(institution);
  }
  const found = await standingRevocation(
    { principals, clients: [asked.by.client], institutions: [...institutions], mandates: begins ? mandates : [] },
    audit,
  );
  if (found === undefined) return undefined;
  // Other institutions do not learn who is revoked.
  const own = found.kind !== 'mandate' && snapshot.principal(found.id)?.institution === asked.institution;
  return transactionErrors.error(
    'authority_revoked',
    own || found.kind !== 'principal'
      ? revocationDetail(found)
      : 'The initiator or a principal in the acting chain is revoked. The transaction can only be cancelled.',
    { facts: { reason: 'authority_revoked', revoked: found.kind } },
  );
}

/**
 * Why a halt prevents the step: it is decided and would start new risk. A venue's report of what it did is never refused, and
 * everything that has been executed continues.
 */
export async function haltedFault(
  { asked, rule, transaction }: Pick<Attempt, 'asked' | 'rule' | 'transaction'>,
  { directory, audit }: { readonly directory: Pick<Directory, 'snapshot'>; readonly audit: StandingReader },
): Promise<CodedError | undefined> {
  if (!rule.decided || !startsNewRisk(rule, stateRuleOf(lifeCycleOf(transaction.detail), transaction.state)))
    return undefined;
  const parties = haltableParties(
    {
      principals: [asked.by.id, ...(asked.actors ?? []), transaction.carriedBy ?? transaction.initiator],
      clients: [asked.by.client],
      institutions: [asked.institution, transaction.initiatorInstitution],
      intent: intentJson(transaction),
    },
    directory.snapshot(),
  );
  const found = await haltInForce(parties, audit);
  return found && transactionErrors.error('trading_halted', haltDetail(found), { facts: { halted: found.kind } });
}
