import { digestOf, isCodedError } from '@countersign/kernel';
import { type Evidence, ownRecords, recordsOf } from '../evidence.ts';
import { initiatorsOf, transitionsOf } from '../own-story.ts';
import { isIncomplete } from '../reasons.ts';
import { type Check, conclude, counted, type Finding, finding } from './check.ts';
import { type ApprovalRecord, type Terms, type VerifiedApproval, verifyApproval } from './signed-approval.ts';

/** Signed by a registered key of an independent approver, over this intent, in time. */
export const approvalsAreGenuine: Check = {
  id: 'approvals',
  title: 'Every approval was signed by another person, for this intent, in time',
  reads: {
    'approval.given': [],
    'directory.applied': [],
    'authenticator.registered': [],
    'certificate.issued': [],
    'exception.resolved': [],
  },
  run(evidence) {
    const approvals = recordsOf(ownRecords(evidence), 'approval.given');
    const findings = [
      ...approvals.flatMap((approval) => checkApproval(evidence, approval)),
      ...useAfterWithdrawal(evidence),
      ...faultsOfUse(evidence),
    ];
    const unseen = findings.filter(({ code }) => isIncomplete(code)).length;
    const verified = approvals.map((approval) => verifyApproval(evidence, approval));
    const detail = `${counted(approvals.length - unseen, 'approval')} verified.${placesOf(approvals)}${certifiedIn(verified)}`;
    return conclude(findings, detail, { of: approvals.length });
  },
};

/** Only the reader knows the address of the service, so the detail lists the origins. */
function placesOf(approvals: readonly ApprovalRecord[]): string {
  const origins = approvals.flatMap(({ facts: { signed } }) =>
    signed.form === 'statement' ? [signed.signature.origin] : [],
  );
  return origins.length === 0
    ? ''
    : ` ${origins.length} of them by an authenticator, at ${[...new Set(origins)].toSorted().join(', ')}.`;
}

function certifiedIn(verified: readonly VerifiedApproval[]): string {
  const certified = verified.filter((each) => each.ok && (each.certified ?? 'unanchored') !== 'unanchored').length;
  return certified === 0 ? '' : ` ${certified} of them with a certificate that was good when it signed.`;
}

function useAfterWithdrawal(evidence: Evidence): readonly Finding[] {
  const own = ownRecords(evidence);
  const withdrawals = own.filter(({ type }) => type === 'approval.withdrawn');
  return recordsOf(own, 'transaction.transitioned').flatMap(({ id: record, index, references }) => {
    const resting = withdrawals.some(
      (withdrawal) => withdrawal.index < index && withdrawal.references.some((given) => references.includes(given)),
    );
    const detail = 'The step refers to an approval that had been withdrawn.';
    return resting ? [{ code: 'approval_withdrawn', detail, record } as const] : [];
  });
}

/** An approval may end between its check and the record of the step. */
const endedSinceMs = 60_000;

function faultsOfUse(evidence: Evidence): readonly Finding[] {
  return transitionsOf(evidence).flatMap(({ id: record, at, references }) =>
    references.flatMap((reference): readonly Finding[] => {
      const approval = evidence.byId.get(reference);
      if (approval?.facts.kind !== 'approval.given') return [];
      if (approval.transaction !== evidence.bundle.transaction)
        return [finding('approval_terms', 'The step refers to an approval of another transaction.', record)];
      // Of this type, as selected above.
      const verified = verifyApproval(evidence, approval as ApprovalRecord);
      return verified.ok && typeof verified.terms.exp === 'number' && verified.terms.exp * 1000 + endedSinceMs < at
        ? [finding('approval_late', 'The step refers to an approval that had ended by then.', record)]
        : [];
    }),
  );
}

function checkApproval(evidence: Evidence, approval: ApprovalRecord): readonly Finding[] {
  const findings: Finding[] = [];
  const verified = verifyApproval(evidence, approval);
  if (verified.ok) findings.push(...checkTerms(evidence, approval, verified.terms), ...unanchored(approval, verified));
  else if (verified.unseen) findings.push({ code: 'record_pruned', detail: verified.detail, record: approval.id });
  else findings.push({ code: 'approval_signature', detail: verified.detail, record: approval.id });
  const starters = initiatorsOf(evidence);
  if (approval.subject !== undefined && starters.has(approval.subject))
    findings.push(
      finding(
        'approval_self',
        'The approver started the transaction, or acted for the person who started it.',
        approval.id,
      ),
    );
  return findings;
}

function unanchored(
  { id }: ApprovalRecord,
  { certified }: VerifiedApproval & { readonly ok: true },
): readonly Finding[] {
  const detail = 'An approval was signed with a certificate of another authority, which was not given to the verifier.';
  return certified === 'unanchored' ? [finding('approval_unanchored', detail, id)] : [];
}

function checkTerms(evidence: Evidence, approval: ApprovalRecord, terms: Terms): readonly Finding[] {
  const findings: Finding[] = [];
  const { id: record } = approval;
  if (terms.items !== undefined && !isRootOf(terms.root, terms.items))
    findings.push(finding('approval_terms', 'The signed root is not the root of the items.', record));
  const { txn, intent_digest } = ownTerms(terms, evidence.bundle.transaction);
  if (txn !== evidence.bundle.transaction)
    findings.push(finding('approval_terms', 'The signed approval is about another transaction.', record));
  if (evidence.intentDigest === undefined || intent_digest !== evidence.intentDigest)
    findings.push(
      finding(
        'approval_terms',
        'The signed approval is for another intent than the opened one: the intent changed after the approval.',
        record,
      ),
    );
  // A JWS may name the signer by its key only.
  const unnamed = approval.facts.signed.form === 'jws' && terms.iss === undefined;
  if (!unnamed && terms.iss !== approval.subject)
    findings.push(finding('approval_terms', 'The signed approval names another person as its issuer.', record));
  // Without a role in the signature, the signer has only one.
  if (terms.role !== undefined && terms.role !== approval.facts.role)
    findings.push(finding('approval_terms', 'The approval was counted in another role than the signed one.', record));
  if (terms.decision !== 'approve')
    findings.push(finding('approval_terms', 'The signed statement is not an approval.', record));
  if (typeof terms.exp !== 'number' || terms.exp * 1000 <= approval.at)
    findings.push(finding('approval_late', 'The approval had expired when it was recorded, or states no end.', record));
  return findings;
}

/** One signature may cover several approvals, as items. */
function ownTerms(terms: Terms, transaction: string): Terms {
  if (!Array.isArray(terms.items)) return terms;
  const items: readonly unknown[] = terms.items;
  return items.filter(isObject).find(({ txn }) => txn === transaction) ?? {};
}

/** RFC 8785 over the whole list. */
function isRootOf(root: unknown, items: unknown): boolean {
  if (!Array.isArray(items)) return false;
  try {
    return digestOf(items) === root;
  } catch (error) {
    // The signed text has no canonical form.
    if (isCodedError(error)) return false;
    throw error;
  }
}

function isObject(value: unknown): value is Terms {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
