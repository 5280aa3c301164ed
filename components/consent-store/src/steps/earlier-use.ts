import { consentErrors, type Mandate } from '@countersign/contracts';
import type { CodedError, Digest } from '@countersign/kernel';
import type { EarlierUse, Unit } from '../store/unit.ts';

/** The result of an earlier request with the same key and body. @throws CodedError `idempotency_conflict` */
export async function earlierResult(unit: Unit, earlier: EarlierUse, bodyDigest: Digest): Promise<Mandate> {
  if (earlier.bodyDigest !== bodyDigest) throw keyUsedOtherwise();
  const made = await unit.version(earlier.mandate, earlier.version);
  if (made === undefined) throw new Error('an idempotency key has no version');
  return made;
}

export function keyUsedOtherwise(): CodedError {
  return consentErrors.error('idempotency_conflict', 'This idempotency key was used for another request.');
}

/** @throws CodedError `mandate_invalid` */
export function requireIdempotencyKey(key: string): void {
  if (!/^[\x21-\x7e]{1,128}$/.test(key))
    throw consentErrors.error('mandate_invalid', 'The idempotency key must be 1 to 128 visible ASCII characters.', {
      facts: { field: 'idempotencyKey' },
    });
}
