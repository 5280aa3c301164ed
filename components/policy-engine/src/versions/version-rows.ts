import { type PolicyVersion, policyErrors } from '@countersign/contracts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Activation } from './signature.ts';
import type { StoredVersion } from './store.ts';

/** The version as it is shown. One of the time before bundles were signed says so by its signature. */
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

/** What the signature of a stored version must cover. */
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

/** Those of models of applications with their namespace before the id. */
export function policiesOf({ parsed, applications }: LoadedBundle): PolicyVersion['policies'] {
  return [
    ...parsed.policies.map(({ id, effect, text }) => ({ id, effect, text })),
    ...[...applications].flatMap(([namespace, { loaded }]) =>
      loaded.parsed.policies.map(({ id, effect, text }) => ({ id: `${namespace}::${id}`, effect, text })),
    ),
  ];
}
