import { decodeBase64, errorVocabulary, isCodedError, parseJson } from '@countersign/kernel';
import { findPath, type ParsedCertificate, readX509Certificate } from '@countersign/x509';

/** A manufacturer's statement about an authenticator model, with its status (FIDO Metadata Statement, FIDO MDS 3). */
export interface AuthenticatorModel {
  /** UUID, in lower case. */
  readonly aaguid: string;
  /** The manufacturer's name for the model. */
  readonly description: string;
  readonly roots: readonly ParsedCertificate[];
  /** Its keys or attestation keys were compromised, or the model was withdrawn. */
  readonly compromised: boolean;
  /** The manufacturer states that its keys are not in hardware. */
  readonly isSoftwareKey: boolean;
}

export interface AttestationTrust {
  /** For models that the metadata does not list. */
  readonly roots: readonly ParsedCertificate[];
  /** By AAGUID. Only its own roots count for a model that is listed. */
  readonly metadata: ReadonlyMap<string, AuthenticatorModel>;
}

export const attestationTrustErrors = errorVocabulary({
  attestation_roots_malformed: 'invalid',
  authenticator_metadata_malformed: 'invalid',
});

export const noAttestationTrust: AttestationTrust = { roots: [], metadata: new Map() };

const maxMetadataLength = 64 * 1024 * 1024;
const maxModels = 20_000;
const maxRoots = 1_000;

/**
 * Reads the trusted roots and models from files of the operator.
 *
 * @param files.roots certificates in PEM of manufacturers; keys of all their models are accepted
 * @param files.metadata JSON: an array of metadata statements, or the payload of a FIDO metadata BLOB. The operator
 *   verifies the BLOB's signature before storing it
 * @throws CodedError of {@link attestationTrustErrors}
 */
export function readAttestationTrust(files: { readonly roots?: string; readonly metadata?: string }): AttestationTrust {
  return {
    roots: files.roots === undefined ? [] : readRoots(files.roots),
    metadata: files.metadata === undefined ? new Map() : readMetadata(files.metadata),
  };
}

/** Whether an attestation chain leads to a root for the model, with all certificates valid at `at` (milliseconds). */
export function leadsToRoot(
  chain: readonly ParsedCertificate[],
  aaguid: string,
  trust: AttestationTrust,
  at: number,
): boolean {
  const [leaf, ...others] = chain;
  const certificates = trust.metadata.get(aaguid)?.roots ?? trust.roots;
  return leaf !== undefined && findPath(leaf, others, { certificates, keys: [] }, at).ok;
}

const pemBlock = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g;

function readRoots(pem: string): readonly ParsedCertificate[] {
  const blocks = [...pem.matchAll(pemBlock)];
  if (blocks.length === 0 || blocks.length > maxRoots)
    throw attestationTrustErrors.error(
      'attestation_roots_malformed',
      `The file of attestation roots must hold 1 to ${maxRoots} certificates in PEM.`,
    );
  return blocks.map(([, body = '']) => readRoot(body.replaceAll(/\s/g, ''), 'attestation_roots_malformed'));
}

function readRoot(base64: string, code: keyof (typeof attestationTrustErrors)['codes']): ParsedCertificate {
  const der = decodeBase64(base64);
  try {
    if (der !== undefined) return readX509Certificate(der);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw attestationTrustErrors.error(code, `A root certificate cannot be read. ${error.detail}`, { cause: error });
  }
  throw attestationTrustErrors.error(code, 'A root certificate is not in base64.');
}

function readMetadata(json: string): ReadonlyMap<string, AuthenticatorModel> {
  const parsed = parseJson(json, { maxLength: maxMetadataLength });
  if (!parsed.ok) throw malformed(`cannot be read: ${parsed.problem}`);
  const payload: unknown = parsed.value;
  const entries = Array.isArray(payload) ? payload : objectOf(payload)['entries'];
  if (!Array.isArray(entries)) throw malformed('is neither an array nor an object with entries');
  if (entries.length > maxModels) throw malformed(`holds more than ${maxModels} models`);
  const models = new Map<string, AuthenticatorModel>();
  for (const entry of entries) {
    const model = readModel(objectOf(entry));
    if (model === undefined) continue;
    if (models.has(model.aaguid)) throw malformed(`names the model ${model.aaguid} twice`);
    models.set(model.aaguid, model);
  }
  return models;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** FIDO MDS 3.0 section 3.1.4. A later report never lifts them. */
const compromisedStatuses: ReadonlySet<unknown> = new Set([
  'USER_VERIFICATION_BYPASS',
  'ATTESTATION_KEY_COMPROMISE',
  'USER_KEY_REMOTE_COMPROMISE',
  'USER_KEY_PHYSICAL_COMPROMISE',
  'REVOKED',
]);

/** Reads an entry of a BLOB, or a statement. Undefined without an AAGUID (UAF, U2F). */
function readModel(entry: Readonly<Record<string, unknown>>): AuthenticatorModel | undefined {
  const statement = entry['metadataStatement'] === undefined ? entry : objectOf(entry['metadataStatement']);
  const aaguid = entry['aaguid'] ?? statement['aaguid'];
  if (aaguid === undefined) return undefined;
  if (typeof aaguid !== 'string' || !uuid.test(aaguid))
    throw malformed('has an aaguid that is not a UUID in lower case');
  const { description } = statement;
  if (typeof description !== 'string') throw malformed(`has no description of ${aaguid}`);
  return {
    aaguid,
    description: description.slice(0, 200),
    roots: textsOf(statement['attestationRootCertificates'], aaguid).map((root) =>
      // Some manufacturers break their certificates into lines.
      readRoot(root.replaceAll(/\s/g, ''), 'authenticator_metadata_malformed'),
    ),
    compromised: listOf(entry['statusReports'], aaguid).some((report) =>
      compromisedStatuses.has(objectOf(report)['status']),
    ),
    isSoftwareKey: textsOf(statement['keyProtection'], aaguid).includes('software'),
  };
}

function textsOf(value: unknown, aaguid: string): readonly string[] {
  return listOf(value, aaguid).map((item) => {
    if (typeof item !== 'string') throw malformed(`has a list of ${aaguid} that contains an item that is not text`);
    return item;
  });
}

function listOf(value: unknown, aaguid: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > maxRoots)
    throw malformed(`has a member of ${aaguid} that is not a list, or is too long`);
  return value;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('has an entry that is not an object');
  return { ...value };
}

function malformed(problem: string) {
  return attestationTrustErrors.error('authenticator_metadata_malformed', `The authenticator metadata ${problem}.`);
}
