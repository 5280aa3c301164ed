import {
  type Approval,
  type ApprovalView,
  type ApproverRole,
  approverRoles,
  type Person,
  type PrincipalId,
  type WaitingTransaction,
} from '@countersign/contracts';
import { type CodedError, type Digest, defined, parseInstant, type TransactionId } from '@countersign/kernel';
import { type ApprovalViewDependencies, approversOf, viewOf } from './approval-view.ts';
import { publicPart } from './approvals/give.ts';
import { circumstancesOf, mayApprove } from './approvals/judge.ts';
import { awaitedKey } from './approvals/quorum.ts';
import type { StoredTransaction } from './store/store.ts';

export interface BeforeApprover {
  readonly view: ApprovalView;
  readonly roles: readonly ApproverRole[];
  readonly fault?: CodedError;
  readonly own?: Approval;
  readonly declined?: ApprovalView['declined'][number];
}

/** Transactions on one page: nobody reviews a hundred with care. */
export const maxWaiting = 30;

export async function beforeApprover(
  id: TransactionId,
  person: Person,
  dependencies: ApprovalViewDependencies,
): Promise<BeforeApprover | undefined> {
  const transaction = await dependencies.store.find(id);
  if (transaction === undefined || !approversOf(transaction).has(person.institution)) return undefined;
  return before(transaction, person, dependencies);
}

export async function waitingFor(
  principal: PrincipalId,
  intents: readonly Digest[] | undefined,
  dependencies: ApprovalViewDependencies,
): Promise<{ readonly waiting: readonly WaitingTransaction[]; readonly more: boolean }> {
  const { store, directory, clock } = dependencies;
  const person = directory.snapshot().principal(principal);
  const roles = person?.kind === 'person' ? approverRoles.filter((role) => person.roles.includes(role)) : [];
  if (person?.kind !== 'person' || person.active === false || roles.length === 0) return { waiting: [], more: false };
  const ids = await store.waiting({
    person: principal,
    keys: roles.map((role) => awaitedKey({ role, institution: person.institution })),
    ...defined({ intents }),
    now: clock.now(),
    limit: maxWaiting + 1,
  });
  const waiting: WaitingTransaction[] = [];
  for (const id of ids.slice(0, maxWaiting)) {
    const found = await beforeApprover(id, person, dependencies);
    if (found !== undefined && found.roles.length > 0) waiting.push({ view: found.view, roles: found.roles });
  }
  return { waiting, more: ids.length > maxWaiting };
}

async function before(
  transaction: StoredTransaction,
  person: Person,
  dependencies: ApprovalViewDependencies,
): Promise<BeforeApprover> {
  const { store, clock } = dependencies;
  const now = clock.now();
  const view = await viewOf(transaction, dependencies);
  const circumstances = await circumstancesOf(person.id, transaction, store, dependencies);
  const may = mayApprove(person, {
    ...circumstances,
    awaited: [
      ...view.awaited.map((want) => ({ ...want, independent: want.independent === true })),
      ...view.escalation
        .filter(({ from }) => (parseInstant(from) ?? Number.POSITIVE_INFINITY) <= now)
        .map(({ role, institution }) => ({ role, institution, independent: false })),
    ],
  });
  const own = circumstances.standing.find(({ approver }) => approver === person.id);
  const declined = view.declined.find(({ approver }) => approver === person.id);
  return {
    view,
    roles: may.roles,
    ...defined({ fault: may.fault }),
    ...(own === undefined ? {} : { own: publicPart(own) }),
    ...defined({ declined }),
  };
}
