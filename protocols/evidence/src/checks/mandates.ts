import { digestOf } from '@countersign/kernel';
import { narrowConstraints, parseConstraints } from '@countersign/market';
import { type Evidence, recordsOf } from '../evidence.ts';
import { type Facts, type MandateFacts, mandateTypes } from '../facts.ts';
import { mandatesFor, openingOf } from '../own-story.ts';
import type { BundledRecord } from '../record.ts';
import { legalStep } from '../transaction-lives.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/** Versions are chained by digest; a sub-mandate is narrower than its parent; all ancestors are active. */
export const mandatesStood: Check = {
  id: 'mandates',
  title: 'Every mandate was in force when it was used',
  reads: {
    ...Object.fromEntries(mandateTypes.map((type) => [type, ['/data/mandate']])),
    'exception.resolved': [],
    'transaction.transitioned': [],
    'token.issued': [],
    'token.exchanged': [],
  },
  run(evidence) {
    const ledger = new MandateLedger(recordsOf(evidence.records, 'mandate'));
    const uses = usesOf(evidence);
    const findings = [
      ...ledger.records.flatMap((record) =>
        faultsOfVersion(ledger, record).map((detail) => chainFinding(record, detail)),
      ),
      ...uses.flatMap((use) =>
        [...foreignMandate(evidence, use), ...faultsOfUse(ledger, evidence, use)].map((detail) =>
          chainFinding(use, detail),
        ),
      ),
    ];
    return conclude(
      findings,
      `${counted(uses.length, 'use')} traced through ${counted(ledger.records.length, 'mandate version')}.`,
      { of: uses.length },
    );
  },
};

type MandateRecord = BundledRecord<Extract<Facts, { kind: 'mandate' }>>;

function chainFinding(record: BundledRecord, detail: string): Finding {
  return { code: 'mandate_chain', detail, record: record.id };
}

/** In log order. */
class MandateLedger {
  readonly records: readonly MandateRecord[];
  readonly #byMandate = new Map<string, MandateRecord[]>();

  constructor(records: readonly MandateRecord[]) {
    this.records = records;
    for (const record of records) {
      const { id } = record.facts.mandate;
      this.#byMandate.set(id, [...(this.#byMandate.get(id) ?? []), record]);
    }
  }

  versions(id: string): readonly MandateRecord[] {
    return this.#byMandate.get(id) ?? [];
  }

  version(id: string, version: number): MandateRecord | undefined {
    return this.versions(id).find((record) => record.facts.mandate.version === version);
  }

  /** Just before an index of the log. */
  before(id: string, index: bigint): MandateFacts | undefined {
    return this.versions(id).findLast((record) => record.index < index)?.facts.mandate;
  }
}

function faultsOfVersion(ledger: MandateLedger, record: MandateRecord): readonly string[] {
  const { mandate } = record.facts;
  const faults: string[] = [];
  const named = `Version ${mandate.version} of ${mandate.id}`;
  if (mandate.covered !== undefined && digestOf(mandate.covered) !== mandate.digest)
    faults.push(`${named} does not have the digest it states.`);
  if (mandate.recordId !== record.id) faults.push(`${named} belongs to another record.`);
  if (record.mandate?.id !== mandate.id || record.mandate.version !== mandate.version)
    faults.push(`${named} is in the record of another version.`);
  const status = Object.hasOwn(statusAfter, record.type) ? statusAfter[record.type] : undefined;
  if (status !== undefined && mandate.status !== status)
    faults.push(`${named} is ${mandate.status}, and its record says ${record.type}.`);
  if (ledger.version(mandate.id, mandate.version) !== record) faults.push(`${named} is recorded twice.`);
  const previous = ledger.version(mandate.id, mandate.version - 1);
  if (
    mandate.version === 1
      ? mandate.previousDigest !== undefined
      : previous?.facts.mandate.digest !== mandate.previousDigest
  )
    faults.push(`${named} does not follow from the version before it.`);
  if (previous !== undefined && previous.index > record.index)
    faults.push(`${named} was recorded before the version it follows.`);
  const ended = previous?.facts.mandate.status;
  if ((ended === 'revoked' || ended === 'expired') && mandate.status !== ended)
    faults.push(`${named} is ${mandate.status} after the mandate had ended.`);
  if (mandate.parent !== undefined) {
    const parent = ledger.version(mandate.parent.id, mandate.parent.version);
    if (parent === undefined)
      faults.push(
        `${named} is cut from ${mandate.parent.id} version ${mandate.parent.version}, which is not in the bundle.`,
      );
    else {
      if (mandate.parent.digest !== undefined && mandate.parent.digest !== parent.facts.mandate.digest)
        faults.push(`${named} is derived from another version of ${mandate.parent.id} than it names.`);
      faults.push(
        ...faultsOfCut(parent.facts.mandate, mandate).map(
          (fault) => `${named} is wider than the mandate it is cut from: ${fault}`,
        ),
      );
    }
  }
  return faults;
}

/** Proved again instead of trusting the earlier acceptance. */
function faultsOfCut(parent: MandateFacts, child: MandateFacts): readonly string[] {
  // Withheld members are reported separately.
  const hidden = parent.covered === undefined || child.covered === undefined;
  const longer = child.effectiveFrom < parent.effectiveFrom || child.effectiveUntil > parent.effectiveUntil;
  return [...(longer ? ['it is in effect for longer.'] : []), ...(hidden ? [] : widerTerms(parent, child))];
}

function widerTerms(parent: MandateFacts, child: MandateFacts): readonly string[] {
  const outer = parseConstraints(parent.constraints);
  const inner = parseConstraints(child.constraints);
  if (!outer.ok || !inner.ok) return ['the constraints of the two cannot be compared.'];
  const narrowed = narrowConstraints(outer.value, inner.value);
  return narrowed.ok ? [] : [narrowed.counterexample.sentence];
}

/** Other types allow several statuses. */
const statusAfter: Readonly<Record<string, string>> = {
  'mandate.proposed': 'proposed',
  'mandate.accepted': 'active',
  'mandate.suspended': 'suspended',
  'mandate.resumed': 'active',
  'mandate.revoked': 'revoked',
  'mandate.expired': 'expired',
};

/** Steps without a mandate are left out: cancelling and refusing must remain possible after a mandate has ended. */
function usesOf(evidence: Evidence): readonly BundledRecord[] {
  const type = openingOf(evidence)?.facts.intentType;
  return evidence.records.filter(({ mandate, facts }) => {
    if (mandate === undefined) return false;
    if (facts.kind === 'transaction.transitioned') return legalStep(type, facts.event)?.underMandate === true;
    return facts.kind === 'transaction.opened' || facts.kind === 'token.issued' || facts.kind === 'token.exchanged';
  });
}

function foreignMandate(evidence: Evidence, use: BundledRecord): readonly string[] {
  if (use.transaction !== evidence.bundle.transaction || use.mandate === undefined) return [];
  return mandatesFor(evidence, use).has(use.mandate.id)
    ? []
    : [`It uses ${use.mandate.id}, which is not a mandate of the transaction.`];
}

/** A node may answer from slightly old data, and the record is written after the check. */
const replacedSinceMs = 60_000;

function faultsOfUse(ledger: MandateLedger, evidence: Evidence, use: BundledRecord): readonly string[] {
  if (use.mandate === undefined) return [];
  const { id, version } = use.mandate;
  const used = ledger.version(id, version);
  if (used === undefined) return [`It uses ${id} version ${version}, which is not in the bundle.`];
  if (used.index > use.index) return [`It uses ${id} version ${version}, which was recorded only later.`];
  const faults: string[] = [];
  const next = ledger.version(id, version + 1);
  if (next !== undefined && next.index < use.index && use.at - next.at > replacedSinceMs)
    faults.push(`It uses ${id} version ${version}, which had been replaced by then.`);
  // A step also depends on the mandates of other actors, and on their ancestors.
  const others = use.references.flatMap((reference) => {
    const facts = evidence.byId.get(reference)?.facts;
    return facts?.kind === 'mandate' && facts.mandate.id !== id ? [facts.mandate.id] : [];
  });
  const standing = new Map<string, readonly string[]>();
  for (const mandate of [id, ...new Set(others)]) faultsOfStanding(ledger, mandate, use, standing);
  return [...faults, ...[...standing.values()].flat()];
}

/** Each mandate is checked once. */
function faultsOfStanding(
  ledger: MandateLedger,
  id: string,
  use: BundledRecord,
  found: Map<string, readonly string[]>,
): void {
  const seen = new Set<string>();
  for (let next: string | undefined = id; next !== undefined; ) {
    // A mandate that is its own ancestor has no root.
    if (seen.has(next)) {
      found.set(`${id} round`, [`The parents of ${id} lead back to it.`]);
      return;
    }
    seen.add(next);
    const standing = ledger.before(next, use.index);
    if (standing === undefined) {
      found.set(next, [`It rests on ${next}, of which nothing had been recorded.`]);
      return;
    }
    const end = 'claims' in use.facts ? use.facts.claims.exp * 1000 : undefined;
    found.set(next, [
      ...(standing.status === 'active' ? [] : [`${next} was not active at that time but ${standing.status}.`]),
      ...(use.at < standing.effectiveFrom || use.at >= standing.effectiveUntil
        ? [`${next} was not in effect at that time.`]
        : []),
      ...(end === undefined || end <= standing.effectiveUntil ? [] : [`The token outlives ${next}.`]),
    ]);
    next = standing.parent?.id;
  }
}
