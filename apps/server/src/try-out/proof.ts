import { auditLogErrors } from '@countersign/contracts';
import {
  parseBundle,
  recordsOfBundle,
  type TimelineEntry,
  timelineOf,
  type Verdict,
  verifyBundle,
} from '@countersign/evidence';
import type { TransactionId } from '@countersign/kernel';
import { algorithm } from './example.ts';

/** The evidence of an example order, as its page shows it and offers it for download. */
export interface Proof {
  readonly transaction: TransactionId;
  /** The evidence bundle, in the format of `countersign evidence export`. */
  readonly bundle: string;
  /** The trusted inputs of a verifier: the log's key and a checkpoint. */
  readonly trust: string;
  readonly verdict: Verdict;
  readonly approved: boolean;
  readonly timeline: readonly TimelineEntry[];
}

/**
 * Reads and verifies an exported bundle.
 *
 * @throws CodedError `transaction_without_records` for a transaction that the example's algorithm did not open: visitors see
 * only evidence of the example
 */
export function proofOf(transaction: TransactionId, exported: unknown): Proof {
  const parsed = parseBundle(exported);
  if (!parsed.ok) throw new Error(`an export of our own that is no bundle: ${parsed.problem}`);
  const { bundle } = parsed;
  const records = recordsOfBundle(bundle).map(({ record }) => record);
  const isOfExample = records.some(
    (record) => textAt(record, 'type') === 'token.issued' && textAt(record, 'subject', 'id') === algorithm,
  );
  if (!isOfExample)
    throw auditLogErrors.error(
      'transaction_without_records',
      'The example has no such transaction. Place an order first.',
    );
  const { log, checkpoint } = bundle;
  const trust = { logVerifierKey: log.verifierKey, checkpoint };
  return {
    transaction,
    bundle: `${JSON.stringify(exported, undefined, 1)}\n`,
    trust: `${JSON.stringify(trust, undefined, 2)}\n`,
    verdict: verifyBundle(exported, { trust }).verdict,
    approved: records.some((record) => textAt(record, 'type') === 'approval.given'),
    timeline: timelineOf(bundle),
  };
}

function textAt(record: unknown, ...path: readonly string[]): string | undefined {
  let here = record;
  for (const name of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = new Map<string, unknown>(Object.entries(here)).get(name);
  }
  return typeof here === 'string' ? here : undefined;
}
