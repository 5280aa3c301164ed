import { type Directory, type Principal, transactionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { kindOfScope, type Scope } from '@countersign/market';
import { type AccountDependencies, accountOf } from '../approvals/account.ts';
import type { Attempt } from '../attempt.ts';
import { endsWithout } from '../life-cycles/index.ts';

const certified: readonly string[] = ['Approved', 'Registered'];

/** Checks the requester and the acting chain as at token issuance. Anyone may end a transaction. */
export async function handFault(
  { asked, rule }: Pick<Attempt, 'asked' | 'rule'>,
  dependencies: AccountDependencies & { readonly directory: Pick<Directory, 'snapshot'> },
): Promise<CodedError | undefined> {
  if (endsWithout(rule)) return undefined;
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
          ? `The account of ${id} is locked: their firm has to unlock it, or somebody else takes the step.`
          : `The account of ${id} may be in the hands of somebody else, or was recovered a short while ago: somebody else takes the step.`,
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
          `${scope} is for people and services: ${principal.id} is an algorithm.`,
        );
      return certified.includes(principal.model.status)
        ? undefined
        : notPermitted(
            'agent_not_certified',
            `The certificate of ${principal.id} does not stand at Approved or Registered: have it certified.`,
          );
    case 'person':
      return deals && !principal.roles.includes('trader')
        ? notPermitted('trader_needed', `${scope} is for traders: the directory does not have ${principal.id} as one.`)
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
