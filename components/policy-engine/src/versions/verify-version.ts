import { type AuditLog, type PolicyBundle, policyErrors } from '@countersign/contracts';
import { type CodedError, membersOf } from '@countersign/kernel';
import { hashOfBundle } from '../bundle/parts.ts';
import { type Activation, checkSignature, type PolicySigner } from './signature.ts';
import type { StoredVersion } from './store.ts';
import { activationOf } from './version-rows.ts';

/**
 * Verifies that a stored version was activated: the bundle has its hash, and one of our keys has signed it. If the key was withdrawn,
 * the record of the activation is checked instead, and the version must be signed again.
 *
 * @throws CodedError `bundle_signature`
 */
export async function verifyVersion(
  stored: StoredVersion,
  bundle: PolicyBundle,
  from: { readonly signer: PolicySigner; readonly audit: Pick<AuditLog, 'find'> },
): Promise<'signed' | 'recorded'> {
  const { activation, signature } = activationOf(stored);
  if (hashOfBundle(bundle) !== activation.hash) throw refused(activation, 'its bundle has another hash');
  const outcome = await checkSignature(activation, signature, from.signer);
  if (outcome === 'holds') return 'signed';
  if (outcome === 'wrong') throw refused(activation, 'its signature does not verify');
  if (await isRecorded(activation, from.audit)) return 'recorded';
  throw refused(activation, 'it is not signed by one of our keys');
}

async function isRecorded(activation: Activation, audit: Pick<AuditLog, 'find'>): Promise<boolean> {
  const record = (await audit.find(activation.recordId))?.record;
  if (record?.type !== 'policy.published' || record.source !== 'policy-engine') return false;
  const data = membersOf(record.data) ?? {};
  return (
    data['version'] === activation.version &&
    data['hash'] === activation.hash &&
    data['change_request'] === activation.changeRequest &&
    data['proposed_by'] === activation.proposedBy &&
    data['approved_by'] === activation.approvedBy &&
    data['candidate'] === activation.candidate &&
    data['rolled_back_to'] === activation.rolledBackTo
  );
}

function refused({ version }: Activation, why: string): CodedError {
  return policyErrors.error('bundle_signature', `Version ${version} of the policies is invalid: ${why}.`);
}
