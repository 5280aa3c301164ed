import { exceptionErrors, type Mandate, transactionErrors } from '@countersign/contracts';
import type { CodedError, MandateId } from '@countersign/kernel';
import { quorumFault, requiredApprovals } from '../approvals/quorum.ts';
import { type TransitionDependencies, takenAt } from '../attempt.ts';
import { decideOn, decisionFault } from '../decision.ts';
import type { KnownFacts } from '../facts.ts';
import { lifeCycleOf, type TransitionRule } from '../life-cycles/index.ts';
import { checkMandates } from '../mandate-check.ts';
import type { StoredApproval, StoredException, StoredTransaction, StoredTransition } from '../store/store.ts';

export interface Case {
  readonly exception: StoredException;
  readonly transaction: StoredTransaction;
  readonly past: readonly StoredTransition[];
  readonly approvals: readonly StoredApproval[];
  readonly known: KnownFacts;
  readonly now: number;
}

type Dependencies = Pick<TransitionDependencies, 'consentStore' | 'policyEngine' | 'directory' | 'audience'>;

/**
 * Whether the cause still exists. @returns CodedError `exception_not_healed` with the current `reason`, or undefined
 */
export async function stillMissing(about: Case, dependencies: Dependencies): Promise<CodedError | undefined> {
  const { exception, transaction } = about;
  switch (exception.cause) {
    case 'mandate': {
      const answer = await standing(about, dependencies);
      return answer.valid ? undefined : missing(answer.reason, answer.detail);
    }
    case 'entitlement': {
      const fault = await decided(about, dependencies);
      // Missing approvals can still be given; the lost entitlement itself is restored.
      return fault === undefined || fault.code === 'approval_required' ? undefined : missing(fault.code, fault.detail);
    }
    case 'approval': {
      const fault = (await decided(about, dependencies)) ?? (await wanting(about, dependencies));
      return fault === undefined ? undefined : missing(fault.code, fault.detail);
    }
    case 'partner-timeout':
      return transaction.version > exception.raisedVersion
        ? undefined
        : missing('event_awaited', 'The partner has not responded yet.');
    case 'departure': {
      const person = dependencies.directory.snapshot().principal(transaction.carriedBy ?? transaction.initiator);
      return person === undefined || (person.kind === 'person' && person.active === false)
        ? missing('principal_gone', 'The person responsible for the transaction is not active in the directory.')
        : undefined;
    }
    case 'mismatch':
      return missing('partner_mismatch', 'A mismatch can only be accepted or abandoned.');
  }
}

export async function freshMandates(
  about: Case,
  mandate: MandateId,
  dependencies: Dependencies,
): Promise<{ readonly mandates: readonly Mandate[]; readonly named: Mandate } | { readonly fault: CodedError }> {
  const answer = await standing(about, dependencies, mandate);
  const named = answer.valid ? answer.mandates.find(({ id }) => id === mandate) : undefined;
  if (answer.valid && named !== undefined) {
    const foreign = await speaksForOthers(named, answer.mandates, about, dependencies);
    return foreign === undefined ? { mandates: answer.mandates, named } : { fault: foreign };
  }
  const { reason, detail } = answer.valid
    ? { reason: 'mandate_not_found', detail: 'The event needs no mandate, so there is none to replace.' }
    : answer;
  return {
    fault: transactionErrors.error('mandate_lapsed', `The named mandate does not permit this transaction: ${detail}`, {
      facts: { reason },
    }),
  };
}

/**
 * The replacement comes from the institution that the intent acts for, or from the grantor of the lapsed mandate. Any
 * other is authority over somebody else's affairs.
 */
async function speaksForOthers(
  named: Mandate,
  mandates: readonly Mandate[],
  about: Case,
  dependencies: Dependencies,
): Promise<CodedError | undefined> {
  const { transaction } = about;
  const { entity_lei: entity } = transaction.detail;
  const before = await standing(about, dependencies);
  const lapsed = before.valid ? before.mandates.find(({ id }) => id === transaction.mandate.id) : before.mandate;
  const wanted = [
    ...(entity === transaction.initiatorInstitution ? [] : [entity]),
    ...(lapsed === undefined ? [] : [lapsed.grantor.lei]),
  ];
  if (upwardFrom(named, mandates).some(({ grantor }) => wanted.includes(grantor.lei))) return undefined;
  return transactionErrors.error(
    'mandate_lapsed',
    'The named mandate does not permit this transaction: its grantor is neither the institution of the intent nor the grantor of the lapsed mandate.',
    { facts: { reason: 'entity_not_represented' } },
  );
}

function upwardFrom(named: Mandate, mandates: readonly Mandate[]): readonly Mandate[] {
  const above = mandates.find(({ id }) => id === named.parent?.id);
  return above === undefined ? [named] : [named, ...upwardFrom(above, mandates)];
}

function standing({ exception, transaction, past, now }: Case, { consentStore }: Dependencies, mandate?: MandateId) {
  const cycle = lifeCycleOf(transaction.detail);
  return checkMandates(
    ruleOf(exception, transaction)?.mandates ?? [],
    transaction,
    { now, takenAt: takenAt({ cycle, past, now }), ...(mandate === undefined ? {} : { under: { id: mandate } }) },
    consentStore,
  );
}

async function decided(about: Case, dependencies: Dependencies): Promise<CodedError | undefined> {
  const { exception, transaction } = about;
  const rule = ruleOf(exception, transaction);
  if (rule?.decided !== true) return undefined;
  return decisionFault(
    await decideOn({ ...about, rule, client: transaction.client, institution: exception.owner }, dependencies),
  );
}

async function wanting(about: Case, dependencies: Dependencies): Promise<CodedError | undefined> {
  const { exception, transaction, approvals } = about;
  const rule = ruleOf(exception, transaction);
  if (rule === undefined) return undefined;
  const answer = await standing(about, dependencies);
  return quorumFault(requiredApprovals(rule, transaction, answer.valid ? answer.mandates : []), {
    transaction,
    approvals,
    directory: dependencies.directory.snapshot(),
  });
}

function ruleOf({ event }: StoredException, { detail }: StoredTransaction): TransitionRule | undefined {
  return Object.entries(lifeCycleOf(detail).rules).find(([name]) => name === event)?.[1];
}

function missing(reason: string, detail: string): CodedError {
  return exceptionErrors.error('exception_not_healed', `The cause of the exception still exists: ${detail}`, {
    facts: { reason },
  });
}
