import {
  type Directory,
  revocationDetail,
  type StandingReader,
  standingRevocation,
  transactionErrors,
} from '@countersign/contracts';
import type { CodedError, MandateId } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';
import { beginsSomething, lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';

/** Checks the requester, the acting chain and, before execution, the initiator and the mandates. */
export async function revokedFault(
  { asked, rule, transaction }: Attempt,
  mandates: readonly MandateId[],
  { directory, audit }: { readonly directory: Pick<Directory, 'snapshot'>; readonly audit: StandingReader },
): Promise<CodedError | undefined> {
  const snapshot = directory.snapshot();
  const begins = beginsSomething(rule, stateRuleOf(lifeCycleOf(transaction.detail), transaction.state));
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
      : 'Who began this transaction, or acts in it, is revoked. It can be cancelled, and goes no further.',
    { facts: { reason: 'authority_revoked', revoked: found.kind } },
  );
}
