import { digestOf } from '@countersign/kernel';
import { narrowConstraints, parseConstraints } from '@countersign/market';
import { type Evidence, recordsOf } from '../evidence.ts';
import { type Facts, type MandateFacts, mandateTypes } from '../facts.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';

/**
 * Authority goes back to a mandate that stood when it was used. Each version holds the digest of the one before,
 * so history cannot be edited; a sub-mandate is narrower than its parent; and at each use everything up to the root was
 * active and in effect.
 */
export const mandatesStood: Check = {
  id: 'mandates',
  title: 'Every use of a mandate rests on one that stood',
  reads: [...mandateTypes, 'transaction.transitioned', 'token.issued', 'token.exchanged'],
  run(evidence) {
    const ledger = new MandateLedger(recordsOf(evidence.records, 'mandate'));
    const uses = usesOf(evidence);
    const findings = [
      ...ledger.records.flatMap((record) =>
        faultsOfVersion(ledger, record).map((detail) => chainFinding(record, detail)),
      ),
      ...uses.flatMap((use) => faultsOfUse(ledger, use).map((detail) => chainFinding(use, detail))),
    ];
    return conclude(
      findings,
      `${counted(uses.length, 'use')} traced through ${counted(ledger.records.length, 'mandate version')}.`,
    );
  },
};

type MandateRecord = BundledRecord<Extract<Facts, { kind: 'mandate' }>>;

function chainFinding(record: BundledRecord, detail: string): Finding {
  return { code: 'mandate_chain', detail, record: record.id };
}

/** The recorded versions of each mandate, in the order of the log. */
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

  /** How the mandate stood just before an index of the log. */
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
  if (mandate.parent !== undefined) {
    const parent = ledger.version(mandate.parent.id, mandate.parent.version);
    if (parent === undefined)
      faults.push(
        `${named} is cut from ${mandate.parent.id} version ${mandate.parent.version}, which is not in the bundle.`,
      );
    else
      faults.push(
        ...faultsOfCut(parent.facts.mandate, mandate).map(
          (fault) => `${named} is wider than the mandate it is cut from: ${fault}`,
        ),
      );
  }
  return faults;
}

/** What a sub-mandate permits and its parent does not: proved again here, not taken from who accepted it. */
function faultsOfCut(parent: MandateFacts, child: MandateFacts): readonly string[] {
  // What is withheld cannot be compared; that it is withheld is said beside the check.
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

/** Acts that needed authority. Cancelling is left out: it must remain possible when a mandate has ended. */
function usesOf({ records }: Evidence): readonly BundledRecord[] {
  return records.filter(({ mandate, outcome, facts }) => {
    if (mandate === undefined || outcome === 'deny') return false;
    if (facts.kind === 'transaction.transitioned') return facts.event !== 'cancel';
    return facts.kind === 'transaction.opened' || facts.kind === 'token.issued' || facts.kind === 'token.exchanged';
  });
}

function faultsOfUse(ledger: MandateLedger, use: BundledRecord): readonly string[] {
  if (use.mandate === undefined) return [];
  const { id, version } = use.mandate;
  const used = ledger.version(id, version);
  if (used === undefined) return [`It uses ${id} version ${version}, which is not in the bundle.`];
  if (used.index > use.index) return [`It uses ${id} version ${version}, which was recorded only later.`];
  const faults: string[] = [];
  const seen = new Set<string>();
  for (let next: string | undefined = id; next !== undefined; ) {
    // A mandate cut from itself, however long the way round, has no root.
    if (seen.has(next)) return [...faults, `The parents of ${id} lead back to it.`];
    seen.add(next);
    const standing = ledger.before(next, use.index);
    if (standing === undefined) return [...faults, `It rests on ${next}, of which nothing had been recorded.`];
    if (standing.status !== 'active') faults.push(`${next} was not active at that time but ${standing.status}.`);
    if (use.at < standing.effectiveFrom || use.at >= standing.effectiveUntil)
      faults.push(`${next} was not in effect at that time.`);
    next = standing.parent?.id;
  }
  return faults;
}
