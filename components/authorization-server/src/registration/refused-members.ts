import { idTokenAlgorithms, signatureAlgorithms } from '@countersign/oauth';
import { type MetadataProblem, refuse } from './refusals.ts';

/** Without null members (RFC 7592 section 2.2). */
export type Members = ReadonlyMap<string, unknown>;

/** Ignoring an unsupported value would imply agreement. */
const algorithms: Readonly<Record<string, readonly string[]>> = {
  id_token_signed_response_alg: idTokenAlgorithms,
  authorization_signed_response_alg: ['ES256'],
  introspection_signed_response_alg: ['ES256'],
  token_endpoint_auth_signing_alg: signatureAlgorithms,
  request_object_signing_alg: signatureAlgorithms,
  backchannel_authentication_request_signing_alg: signatureAlgorithms,
};

/** Ignoring them would leave a client less secure than it believes. */
const never: Readonly<Record<string, string>> = {
  client_secret: 'Shared secrets are not supported. Authenticate with a key or a certificate.',
  jku: 'Keys must be in jwks or at jwks_uri.',
  x5u: 'Keys must be in jwks or at jwks_uri.',
  request_uris: 'Push requests instead (RFC 9126).',
  sector_identifier_uri: 'Subjects are public.',
  userinfo_signed_response_alg: 'The userinfo endpoint answers with JSON.',
};

const encryption =
  /^(?:id_token|userinfo|authorization|introspection|request_object)_encrypt(?:ed_response|ion)_(?:alg|enc)$/;

/** Refuses members that must not be ignored (RFC 7591 section 2). @throws CodedError `invalid_software_statement`, `unapproved_software_statement` */
export function refusedMembers(members: Members): readonly MetadataProblem[] {
  checkSoftwareStatement(members.get('software_statement'));
  const problems: MetadataProblem[] = [];
  const report = (name: string, detail: string): void => {
    problems.push({ code: 'metadata_refused', path: `/${name}`, detail });
  };
  for (const [name, value] of members) {
    const reason = Object.hasOwn(never, name) ? never[name] : undefined;
    if (reason !== undefined) report(name, reason);
    if (encryption.test(name)) report(name, 'Encryption beneath TLS is not supported.');
    const allowed = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
    if (allowed !== undefined && !allowed.some((algorithm) => algorithm === value))
      report(name, `The algorithm must be one of ${allowed.join(', ')}.`);
  }
  const method = members.get('token_endpoint_auth_method');
  if (typeof method === 'string' && (method === 'none' || method.startsWith('client_secret_')))
    report('token_endpoint_auth_method', 'Use private_key_jwt, tls_client_auth or self_signed_tls_client_auth.');
  const subjectType = members.get('subject_type');
  if (subjectType !== undefined && subjectType !== 'public') report('subject_type', 'Subjects are public.');
  if (members.get('backchannel_user_code_parameter') === true)
    report('backchannel_user_code_parameter', 'User codes are not supported.');
  return problems;
}

/** RFC 7591 section 2.3. */
function checkSoftwareStatement(statement: unknown): void {
  if (statement === undefined) return;
  if (typeof statement !== 'string' || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(statement))
    throw refuse('software_statement_malformed', 'The software statement is not a signed JWT.');
  throw refuse('software_statement_unapproved', 'Software statements are not supported. Do not send one.');
}
