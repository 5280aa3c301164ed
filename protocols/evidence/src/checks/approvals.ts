import { CodedError, digestOf, isCodedError } from '@countersign/kernel';
import { importVerificationKey, parseCompactJws, type VerificationKey, verifyJws } from '@countersign/oauth';
import { type Evidence, ownRecords, recordsOf } from '../evidence.ts';
import type { Facts } from '../facts.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

export const approvalType = 'countersign-approval+jwt';

/**
 * Each approval is checked from the approver's own signature up: the key is the one the directory had registered
 * to that person, what it signed is this transaction's intent, the signer is not who began the transaction, and
 * it was in time.
 */
export const approvalsAreGenuine: Check = {
  id: 'approvals',
  title: 'Every approval was signed by another person, for this intent, in time',
  reads: ['approval.given', 'directory.applied'],
  run(evidence) {
    const approvals = recordsOf(ownRecords(evidence), 'approval.given');
    return conclude(
      [...approvals.flatMap((approval) => checkApproval(evidence, approval)), ...useAfterWithdrawal(evidence)],
      `${counted(approvals.length, 'approval')} verified.`,
    );
  },
};

/** What was taken back before a step carries nothing: the step may not rest on it. */
function useAfterWithdrawal(evidence: Evidence): readonly Finding[] {
  const own = ownRecords(evidence);
  const withdrawals = own.filter(({ type }) => type === 'approval.withdrawn');
  return recordsOf(own, 'transaction.transitioned').flatMap(({ id: record, index, references }) => {
    const resting = withdrawals.some(
      (withdrawal) => withdrawal.index < index && withdrawal.references.some((given) => references.includes(given)),
    );
    const detail = 'The step rests on an approval that had been taken back.';
    return resting ? [{ code: 'approval_withdrawn', detail, record } as const] : [];
  });
}

type Approval = BundledRecord<Extract<Facts, { kind: 'approval.given' }>>;
/** The parts of an approval JWS that its checks read; their values are compared, never interpreted. */
type Terms = Readonly<Record<string, unknown>>;

function checkApproval(evidence: Evidence, approval: Approval): readonly Finding[] {
  const findings: Finding[] = [];
  const terms = verifyApproval(evidence, approval, findings);
  if (terms !== undefined) findings.push(...checkTerms(evidence, approval, terms));
  const begunBy = initiatorsOf(evidence);
  if (approval.subject !== undefined && begunBy.has(approval.subject))
    findings.push({ code: 'approval_self', detail: 'Who began the transaction approved it.', record: approval.id });
  return findings;
}

/** Verifies the signature with the key the record holds, and that key against the directory. */
function verifyApproval(evidence: Evidence, approval: Approval, findings: Finding[]): Terms | undefined {
  const refuse = (detail: string): undefined => {
    findings.push({ code: 'approval_signature', detail, record: approval.id });
    return undefined;
  };
  let key: VerificationKey;
  let terms: Terms;
  try {
    key = importVerificationKey(approval.facts.key);
    const jws = parseCompactJws(approval.facts.jws, (_problem, detail) => refused(detail));
    if (jws.header.typ !== approvalType) return refuse(`The approval is not of type ${approvalType}.`);
    if (jws.header.kid !== key.thumbprint)
      return refuse('The approval names another key than the one recorded with it.');
    terms = verifyJws(jws, key, (_problem, detail) => refused(detail));
  } catch (error) {
    if (isCodedError(error)) return refuse(`The approval's signature cannot be relied on. ${error.detail}`);
    throw error;
  }
  const holder = registeredHolder(evidence, approval, key.thumbprint);
  if (holder === undefined) return refuse('The key is in no directory record that the approval rests on.');
  if (holder !== approval.subject)
    return refuse('The directory gives the key to another person than the one recorded as approver.');
  return terms;
}

/** Stays inside this file: it becomes a finding. */
function refused(detail: string): CodedError {
  return new CodedError({ code: 'approval_signature', category: 'invalid', detail });
}

function registeredHolder(evidence: Evidence, approval: Approval, kid: string): string | undefined {
  for (const reference of approval.references) {
    const facts = evidence.byId.get(reference)?.facts;
    if (facts?.kind !== 'directory.applied') continue;
    const credential = facts.credentials.find((candidate) => candidate.kid === kid);
    if (credential !== undefined) return credential.principal;
  }
  return undefined;
}

function checkTerms(evidence: Evidence, approval: Approval, terms: Terms): readonly Finding[] {
  const findings: Finding[] = [];
  const { id: record } = approval;
  if (terms.items !== undefined && !isRootOf(terms.root, terms.items))
    findings.push({ code: 'approval_terms', detail: 'The root that was signed is not that of the items.', record });
  const { txn, intent_digest } = ownTerms(terms, evidence.bundle.transaction);
  if (txn !== evidence.bundle.transaction)
    findings.push({ code: 'approval_terms', detail: 'What was signed is about another transaction.', record });
  if (evidence.intentDigest === undefined || intent_digest !== evidence.intentDigest)
    findings.push({
      code: 'approval_terms',
      detail: 'What was signed is another intent than the one opened: something changed after the approval.',
      record,
    });
  if (terms.iss !== undefined && terms.iss !== approval.subject)
    findings.push({ code: 'approval_terms', detail: 'What was signed names another person as its issuer.', record });
  if (terms.decision !== 'approve')
    findings.push({ code: 'approval_terms', detail: 'What was signed is not an approval.', record });
  if (typeof terms.exp !== 'number' || terms.exp * 1000 <= approval.at)
    findings.push({
      code: 'approval_late',
      detail: 'The approval had expired when it was recorded, or states no end.',
      record,
    });
  return findings;
}

/** What was signed of this transaction: all of it or, where several were approved by one signature, its item. */
function ownTerms(terms: Terms, transaction: string): Terms {
  if (!Array.isArray(terms.items)) return terms;
  const items: readonly unknown[] = terms.items;
  return items.filter(isObject).find(({ txn }) => txn === transaction) ?? {};
}

/** RFC 8785 over the whole list: an item that was changed, moved or left out gives another root. */
function isRootOf(root: unknown, items: unknown): boolean {
  if (!Array.isArray(items)) return false;
  try {
    return digestOf(items) === root;
  } catch (error) {
    // What was signed holds text that has no canonical form.
    if (isCodedError(error)) return false;
    throw error;
  }
}

function isObject(value: unknown): value is Terms {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Everyone in whose name the transaction was opened: its subject and each actor on the way. */
function initiatorsOf(evidence: Evidence): ReadonlySet<string> {
  const openings: readonly BundledRecord[] = recordsOf(ownRecords(evidence), 'transaction.opened');
  return new Set(openings.flatMap(({ subject, actors }) => [...(subject === undefined ? [] : [subject]), ...actors]));
}
