import type {
  ApprovalView,
  Independence,
  Obligation,
  StandingReader,
  TransitionReceipt,
  TransitionRequest,
} from '@countersign/contracts';
import { isCodedError, type TransactionId, toInstant } from '@countersign/kernel';
import { describeAuthorizationDetail, digestOfIntent } from '@countersign/market';
import {
  approvingSteps,
  awaitedApprovals,
  merged,
  missingApprovals,
  type RequiredApproval,
  requiredApprovals,
  requiredByRule,
} from './approvals/quorum.ts';
import { standingApprovals } from './approvals/standing.ts';
import { warningsOf } from './approvals/warnings.ts';
import { decideOn } from './decision.ts';
import { destinationShown } from './destinations/destinations.ts';
import { type KnownFacts, knownFacts } from './facts.ts';
import { lifeCycleOf, stepsOf, type TransitionRule } from './life-cycles/index.ts';
import { checkMandates } from './mandate-check.ts';
import type { Store } from './proof/proven-store.ts';
import type { StoredApproval, StoredTransaction } from './store/store.ts';
import { type TransitionDependencies, transition } from './transition.ts';

export interface ApprovalViewDependencies extends Omit<TransitionDependencies, 'audit' | 'random' | 'logger'> {
  readonly independence: Independence;
  readonly audit: StandingReader;
}

/** Not part of the signed intent: actions and audience differ from token to token. */
const notSigned: readonly string[] = ['Actions', 'At'];

export async function approvalView(
  id: TransactionId,
  institution: string,
  dependencies: ApprovalViewDependencies,
): Promise<ApprovalView | undefined> {
  const transaction = await dependencies.store.find(id);
  if (transaction === undefined || !approversOf(transaction).has(institution)) return undefined;
  return viewOf(transaction, dependencies);
}

/** The complete view. The caller removes what an institution may not see. */
export async function viewOf(
  transaction: StoredTransaction,
  dependencies: ApprovalViewDependencies,
): Promise<ApprovalView> {
  const { store, directory, clock } = dependencies;
  const { id, detail, intentDigest, initiator, initiatorInstitution, state } = transaction;
  // Never show an intent that differs from the digest to be signed.
  if (digestOfIntent(detail) !== intentDigest) throw new Error(`the intent of ${id} is not the one that was opened`);
  const now = clock.now();
  const approvals = await standingApprovals(transaction, await store.approvals(id), now, dependencies);
  const { title } = describeAuthorizationDetail(detail);
  const known = await knownFacts(transaction, store, { directory: directory.snapshot(), now });
  const destination = await destinationShown(transaction, store);
  const { awaited, escalation } = await awaitedOf({ transaction, approvals, known, now }, dependencies);
  // Include escalation roles now, because this view may not be opened again when their time comes.
  await noteAwaited(transaction, [...awaited, ...escalation], store);
  return {
    transaction: id,
    intentDigest,
    state,
    initiator,
    initiatorInstitution,
    title,
    lines: [...signedLines(detail), ...(destination?.lines ?? [])],
    warnings: warningsOf(transaction, {
      known,
      destinationMissing: destination?.missing === true,
      openException: (await store.exceptions({ transaction: id, status: 'open', limit: 1 })).length > 0,
      directory: directory.snapshot(),
      now,
    }),
    awaited: awaited.map(({ role, count, institution, independent }) => ({
      role,
      count,
      institution,
      ...(independent ? { independent } : {}),
    })),
    escalation,
    approvals: approvals.map(({ approver, role, institution }) => ({ approver, role, institution })),
    declined: (await store.declines(id)).map(({ approver, institution, reason, at }) => ({
      approver,
      institution,
      reason,
      at,
    })),
    notAfter: detail.not_after,
  };
}

export function signedLines(detail: StoredTransaction['detail']): ApprovalView['lines'] {
  return describeAuthorizationDetail(detail).lines.filter(({ label }) => !notSigned.includes(label));
}

/**
 * Lists the transaction for all required approvers. Entries stay: an approval may expire before the step that requires
 * it.
 */
async function noteAwaited(
  transaction: StoredTransaction,
  wanted: readonly Pick<RequiredApproval, 'role' | 'institution'>[],
  store: Pick<Store, 'putAwaited'>,
): Promise<void> {
  const awaited = awaitedApprovals(transaction, wanted);
  const known = transaction.approvalsAwaited ?? [];
  if (awaited === null || awaited.keys.every((key) => known.includes(key))) return;
  await store.putAwaited(transaction, { ...awaited, keys: [...new Set([...known, ...awaited.keys])].sort() });
}

/** Institutions whose people may have to approve. Counterparties must not see the limits of the intent. */
export function approversOf(transaction: StoredTransaction): ReadonlySet<string> {
  const { detail, initiatorInstitution } = transaction;
  const asked = stepsOf(lifeCycleOf(detail)).flatMap(({ rule }) => requiredByRule(rule, transaction));
  return new Set([initiatorInstitution, detail.entity_lei, ...asked.map(({ institution }) => institution)]);
}

interface Circumstances {
  readonly transaction: StoredTransaction;
  readonly approvals: readonly StoredApproval[];
  readonly known: KnownFacts;
  readonly now: number;
}

type Escalation = ApprovalView['escalation'];

async function awaitedOf(
  circumstances: Circumstances,
  dependencies: ApprovalViewDependencies,
): Promise<{ readonly awaited: readonly RequiredApproval[]; readonly escalation: Escalation }> {
  const { transaction, approvals, now } = circumstances;
  const quorum = { transaction, approvals, directory: dependencies.directory.snapshot() };
  const [ruled, obliged]: [RequiredApproval[], AskedApproval[]] = [[], []];
  for (const { rule } of approvingSteps(transaction)) {
    const { mandates: needs } = rule;
    const standing = await checkMandates(needs, transaction, { now, takenAt: now }, dependencies.consentStore);
    const mandates = standing.valid ? standing.mandates : [];
    ruled.push(...missingApprovals(requiredApprovals(rule, transaction, mandates), quorum));
    if (rule.decided) obliged.push(...(await obligedBy(rule, circumstances, dependencies)));
  }
  const institution = transaction.initiatorInstitution;
  const asked = obliged.map(({ role, count }) => ({ role, count, institution, independent: false, ordered: false }));
  return { awaited: merged([...ruled, ...asked]), escalation: escalationOf(obliged, ruled, transaction) };
}

/** Escalation roles of the policies, with their times. A role that a rule or a mandate requires cannot be escalated. */
function escalationOf(
  obliged: readonly AskedApproval[],
  ruled: readonly RequiredApproval[],
  { initiatorInstitution: institution, openedAt }: StoredTransaction,
): Escalation {
  const steps = new Map<string, Escalation[number]>();
  for (const { role: inPlaceOf, escalation } of obliged) {
    if (ruled.some((want) => want.role === inPlaceOf && want.institution === institution)) continue;
    for (const { role, afterSeconds } of escalation) {
      const from = toInstant(openedAt + afterSeconds * 1_000);
      const known = steps.get(`${inPlaceOf} ${role}`);
      // If two policies name the same escalation, both waiting times must pass.
      if (known === undefined || known.from < from)
        steps.set(`${inPlaceOf} ${role}`, { role, inPlaceOf, institution, from });
    }
  }
  return [...steps.values()];
}

async function obligedBy(
  rule: TransitionRule,
  circumstances: Circumstances,
  dependencies: ApprovalViewDependencies,
): Promise<readonly AskedApproval[]> {
  const { client, initiatorInstitution: institution } = circumstances.transaction;
  const { obligations } = await decideOn({ ...circumstances, rule, client, institution }, dependencies);
  return obligations.filter((obligation) => obligation.kind === 'approval');
}

type AskedApproval = Extract<Obligation, { kind: 'approval' }>;

type Dependencies = TransitionDependencies & ApprovalViewDependencies;

/** Takes a step. If an approval is missing, the transaction is listed for those who can give it. */
export async function transitionAndNotify(
  request: TransitionRequest,
  dependencies: Dependencies,
): Promise<TransitionReceipt> {
  try {
    return await transition(request, dependencies);
  } catch (error) {
    if (isCodedError(error) && error.code === 'approval_required')
      await notifyApprovers(request.transaction, dependencies);
    throw error;
  }
}

/** A failure here does not change the refusal: the next request or page view lists the transaction again. */
async function notifyApprovers(id: TransactionId, dependencies: Dependencies): Promise<void> {
  const { store, logger } = dependencies;
  try {
    const transaction = await store.find(id);
    if (transaction !== undefined) await viewOf(transaction, dependencies);
  } catch (error) {
    logger.warn({ error }, 'the outstanding approvals of a transaction could not be stored');
  }
}
