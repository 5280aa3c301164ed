export interface RecordRule {
  /** The component that writes it. */
  readonly source: string;
  readonly outcomes: readonly ('permit' | 'deny' | 'done')[];
  readonly members: readonly string[];
}

const ofTransaction = ['transaction', 'mandate', 'intent'];
const done = ['done'] as const;
const registry = (members: readonly string[] = [], outcomes: RecordRule['outcomes'] = done): RecordRule => ({
  source: 'transaction-registry',
  outcomes,
  members: [...ofTransaction, ...members],
});
const token: RecordRule = {
  source: 'authorization-server',
  outcomes: ['permit'],
  members: ['subject', 'client', 'audience', 'scope', 'policy'],
};
const mandate: RecordRule = { source: 'consent-store', outcomes: done, members: ['mandate'] };
const log: RecordRule = { source: 'audit-log', outcomes: done, members: [] };

/** Repeated here so that verifiers do not depend on components; a contract test compares both. */
export const recordRules: Readonly<Record<string, RecordRule>> = {
  'transaction.opened': registry(['subject']),
  'transaction.transitioned': registry(),
  'approval.given': registry(['subject'], ['permit']),
  'approval.withdrawn': registry(['subject']),
  'exception.resolved': registry(['subject']),
  'envelope.issued': registry(['payload']),
  'decision.made': { source: 'policy-engine', outcomes: ['permit', 'deny'], members: ['policy'] },
  'token.issued': token,
  'token.exchanged': token,
  'mandate.proposed': mandate,
  'mandate.accepted': mandate,
  'mandate.consented': mandate,
  'mandate.suspended': mandate,
  'mandate.resumed': mandate,
  'mandate.revoked': mandate,
  'mandate.amendment-proposed': mandate,
  'mandate.amendment-withdrawn': mandate,
  'mandate.amended': mandate,
  'mandate.expired': mandate,
  'policy.published': { source: 'policy-engine', outcomes: done, members: [] },
  'directory.applied': { source: 'directory', outcomes: done, members: [] },
  'authenticator.registered': { source: 'authentication', outcomes: done, members: ['subject'] },
  'timestamp.obtained': { source: 'time-stamping', outcomes: done, members: [] },
  'certificate.issued': { source: 'certificate-authority', outcomes: ['permit'], members: ['subject'] },
  'key.published': { source: 'authorization-server', outcomes: done, members: [] },
  'evidence.exported': log,
  'log.pruned': log,
  'erasure.completed': log,
};

/** Undefined if there is no fault, or no check reads the type. */
export function ruleFault(
  type: string,
  { source, outcome, has }: { readonly source: string; readonly outcome: string; has(member: string): boolean },
): string | undefined {
  const rule = Object.hasOwn(recordRules, type) ? recordRules[type] : undefined;
  if (rule === undefined) return undefined;
  if (source !== rule.source) return `${type} is written by ${rule.source}, and this one names another source`;
  if (!rule.outcomes.some((known) => known === outcome))
    return `the outcome of ${type} is ${rule.outcomes.join(' or ')}, and this one is ${outcome}`;
  const absent = rule.members.find((member) => !has(member));
  return absent === undefined ? undefined : `${absent} is absent`;
}
