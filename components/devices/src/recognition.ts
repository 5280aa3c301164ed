import type { RecordedThings } from '@countersign/commands';
import {
  type AuditLog,
  type Devices,
  type Directory,
  deviceErrors,
  type PrincipalId,
  type RecognisedDevice,
  type StandingCheck,
} from '@countersign/contracts';
import { type Clock, defined, newId, parseDigest, type Random } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import type { Challenges } from './challenge.ts';
import { type CredentialId, type CredentialState, lastEnrolled } from './enrolment/recorded-credential.ts';
import { readProof, type ShownProof, signedBy } from './proof.ts';
import { credentialClaim } from './row-claims.ts';
import type { CredentialStore, StoredCredential } from './store/credentials.ts';

export function createRecognition(dependencies: {
  readonly credentials: CredentialStore;
  readonly challenges: Challenges;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find'>;
  readonly things: Pick<RecordedThings<CredentialId, CredentialState>, 'settle'>;
  readonly standings: StandingCheck;
  readonly clock: Clock;
  readonly random: Random;
}): Devices['recognise'] {
  const { credentials, challenges, directory, audit, standings, things, ...making } = dependencies;
  const keys = createKeyCache({ maxKeys: 4_096 });

  async function refuse(
    code: 'device_proof_wrong' | 'device_unknown',
    internal: string,
    { device, by, person }: { device?: string; by: RecognisedDevice['by']; person: PrincipalId | undefined },
  ): Promise<never> {
    const institution = person === undefined ? undefined : directory.snapshot().knownPrincipal(person)?.institution;
    await audit.append({
      id: newId('record', making),
      type: 'device.refused',
      ...{ source: 'devices', outcome: 'deny' as const, reason: code },
      ...(person === undefined ? {} : { subject: { id: person, ...defined({ institution }) } }),
      ...defined({ device }),
      data: { at: 'recognition', by, ...defined({ device }) },
    });
    throw deviceErrors.error(
      code,
      code === 'device_unknown'
        ? 'This browser is enrolled as a device that is not in the directory. Have it enrolled again.'
        : 'This browser could not prove which device it is on. Reload the page and try again.',
      { internal },
    );
  }

  /** A certificate that is not registered here may belong to a person or a client. */
  async function byCertificate(thumbprint: string | undefined): Promise<StoredCredential | undefined> {
    const digest = parseDigest(thumbprint);
    const found = digest === undefined ? undefined : await credentials.byCertificate(digest);
    return found !== undefined && (await standings.holds(credentialClaim(found))) ? found : undefined;
  }

  async function byKey(
    proof: ShownProof | 'malformed',
    about: string,
    person: PrincipalId | undefined,
  ): Promise<StoredCredential> {
    if (proof === 'malformed') return refuse('device_proof_wrong', 'the proof is malformed', { by: 'key', person });
    const { device, challenge, signature } = proof;
    const how = { device, by: 'key', person } as const;
    if (!challenges.isValid(challenge, about))
      return refuse('device_proof_wrong', 'the challenge has expired or is for something else', how);
    const signerOf = async () => {
      const held = (await credentials.of([device])).filter(({ kind }) => kind === 'key');
      return { held, signer: held.find(({ jwk }) => signedBy(keys.import(jwk), challenge, signature)) };
    };
    let { held, signer } = await signerOf();
    if (signer === undefined) {
      // The process may have stopped between the record of the key and its row.
      const last = await lastEnrolled(audit, device);
      if (last !== undefined) await things.settle(last);
      ({ held, signer } = await signerOf());
    }
    if (held.length === 0) return refuse('device_unknown', 'The device has no enrolled key. Enrol it first.', how);
    if (signer !== undefined && !(await standings.holds(credentialClaim(signer))))
      return refuse('device_unknown', 'the key differs from its newest record', how);
    return signer ?? refuse('device_proof_wrong', 'no key of the device made the signature', how);
  }

  return async ({ about, certificateThumbprint, proof: shown, person }) => {
    const certificate = await byCertificate(certificateThumbprint);
    const proof = readProof(shown);
    const key = proof === 'none' ? undefined : await byKey(proof, about, person);
    const found = certificate ?? key;
    if (found === undefined) return undefined;
    const how = { device: found.device, by: found.kind, person };
    if (certificate !== undefined && key !== undefined && certificate.device !== key.device)
      return refuse('device_proof_wrong', 'certificate and key belong to different devices', how);
    // The device has moved to another firm since it was enrolled.
    if (directory.snapshot().device(found.device)?.institution !== found.institution)
      return refuse('device_unknown', 'the directory does not have the device', how);
    return { id: found.device, by: found.kind };
  };
}
