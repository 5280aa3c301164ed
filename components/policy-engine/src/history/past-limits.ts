import type { PolicyVersions } from '@countersign/contracts';
import { isCodedError, type Json } from '@countersign/kernel';
import { hashOfBundle } from '../bundle/parts.ts';
import type { DecidedBy } from './trial.ts';

/** The limits of a version, as its bundle has them; undefined where that is not kept, or not the one that decided. */
export async function limitsOf(
  { version, hash }: DecidedBy,
  versions: Pick<PolicyVersions, 'bundle'>,
): Promise<readonly Json[] | undefined> {
  try {
    const bundle = await versions.bundle(version);
    return hashOfBundle(bundle) === hash ? bundle.limits : undefined;
  } catch (error) {
    if (isCodedError(error, 'version_not_found')) return undefined;
    throw error;
  }
}
