import { type PolicyVersion, policyErrors } from '@countersign/contracts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Activation } from './signature.ts';
import type { StoredVersion } from './store.ts';

/** The version for readers. A version from before signed bundles has the algorithm `none`. */
export function shownVersion(stored: StoredVersion): PolicyVersion {
  const { version, hash, recordId, policies, governed } = stored;
  const publishedAt = stored.publishedAt.toISOString();
  if (governed === null)
    return {
      version,
      hash,
      publishedAt,
      recordId,
      changeRequest: 'release',
      proposedBy: 'service:countersign',
      policies,
      signature: { kid: '', algorithm: 'none', value: '' },
    };
  const { changeRequest, proposedBy, approvedBy, rolledBackTo, signature } = governed;
  return {
    version,
    hash,
    publishedAt,
    recordId,
    changeRequest,
    proposedBy,
    ...(approvedBy === null ? {} : { approvedBy }),
    ...(rolledBackTo === null ? {} : { rolledBackTo }),
    policies,
    signature,
  };
}

/** The activation that the signature of a stored version must cover. */
export function activationOf({ version, hash, publishedAt, recordId, governed }: StoredVersion): {
  readonly activation: Activation;
  readonly signature: PolicyVersion['signature'];
} {
  if (governed === null)
    throw policyErrors.error('bundle_signature', `Version ${version} of the policies is not signed.`);
  const { changeRequest, candidate, proposedBy, approvedBy, rolledBackTo, signature } = governed;
  return {
    activation: {
      version,
      hash,
      publishedAt: publishedAt.toISOString(),
      recordId,
      changeRequest,
      proposedBy,
      candidate: candidate ?? undefined,
      approvedBy: approvedBy ?? undefined,
      rolledBackTo: rolledBackTo ?? undefined,
    },
    signature,
  };
}

/** All policies; ids of application models are prefixed with their namespace. */
export function policiesOf({ parsed, applications }: LoadedBundle): PolicyVersion['policies'] {
  return [
    ...parsed.policies.map(({ id, effect, text }) => ({ id, effect, text })),
    ...[...applications].flatMap(([namespace, { loaded }]) =>
      loaded.parsed.policies.map(({ id, effect, text }) => ({ id: `${namespace}::${id}`, effect, text })),
    ),
  ];
}
