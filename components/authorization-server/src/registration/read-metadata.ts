import { type DirectorySnapshot, parsePrincipalId } from '@countersign/contracts';
import { isObject } from '@countersign/kernel';
import { documentNames } from './members.ts';
import { type MetadataProblem, refuseMetadata } from './refusals.ts';
import { type Members, refusedMembers } from './refused-members.ts';

/** In the format of the directory, which validates every member. */
export interface ClientDocument {
  readonly id: string;
  readonly institution: string;
  readonly principal: string;
  readonly profile: unknown;
  readonly environment: 'sandbox';
  readonly grant_types: unknown;
  readonly scopes: readonly string[];
  readonly [member: string]: unknown;
}

/** Not from the metadata. */
export interface RegistrationSubject {
  readonly clientId: string;
  readonly institution: string;
}

const ciba = 'urn:openid:params:grant-type:ciba';

/**
 * Converts client metadata (RFC 7591 section 2) to a document for the directory, with defaults. Checks only what the directory does
 * not see, and reports all problems at once.
 *
 * @throws CodedError of `oauthErrors`
 */
export function readMetadata(
  input: unknown,
  { clientId, institution }: RegistrationSubject,
  directory: DirectorySnapshot,
): ClientDocument {
  const members = membersOf(input);
  const problems: MetadataProblem[] = [...refusedMembers(members)];
  const report = (name: string, code: string, detail: string): undefined => {
    problems.push({ code, path: `/${name}`, detail });
    return undefined;
  };

  const grants = members.get('grant_types') ?? ['authorization_code'];
  const profile = members.get('countersign_profile') ?? 'fapi2';
  checkResponseTypes(members, grants, report);
  checkOwn(members, institution, report);
  const principal = readPrincipal(members, institution, directory, report);
  const scopes = readScope(members.get('scope'), { profile, grants }, report);
  const binding = readBinding(members, profile, report);
  if (principal === undefined || scopes === undefined || binding === undefined || problems.length > 0)
    throw refuseMetadata(problems);

  const document: Record<string, unknown> = {};
  for (const [name, named] of documentNames) {
    const value = members.get(name);
    if (value !== undefined) document[named] = value;
  }
  return {
    audiences: [],
    kind: kindOf(grants),
    token_endpoint_auth_method: 'private_key_jwt',
    // Instead of the default RS256 (Registration section 2).
    ...(holds(grants, 'authorization_code') ? { id_token_signed_response_alg: 'ES256' } : {}),
    ...document,
    ...(document['jwks'] === undefined ? {} : { jwks: withoutKeyUses(document['jwks']) }),
    id: clientId,
    institution,
    principal,
    profile,
    environment: 'sandbox',
    grant_types: grants,
    scopes,
    binding,
  };
}

export function membersOf(input: unknown): Members {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw refuseMetadata([{ code: 'metadata_malformed', path: '', detail: 'Client metadata is a JSON object.' }]);
  return new Map(Object.entries(input).filter(([, value]) => value !== null));
}

type Report = (name: string, code: string, detail: string) => undefined;

/** RFC 7591 section 2.1. */
function checkResponseTypes(members: Members, grants: unknown, report: Report): void {
  const asked = members.get('response_types');
  if (asked === undefined) return;
  const types: readonly unknown[] = Array.isArray(asked) ? asked : [asked];
  if (!Array.isArray(asked) || types.some((type) => type !== 'code'))
    report('response_types', 'metadata_refused', 'The only response type is code.');
  else if (holds(grants, 'authorization_code') !== types.length > 0)
    report('response_types', 'metadata_contradictory', 'The response type code needs the grant authorization_code.');
}

/** The caller may repeat them but not choose them. */
function checkOwn(members: Members, institution: string, report: Report): void {
  const owner = members.get('countersign_institution');
  if (owner !== undefined && owner !== institution)
    report('countersign_institution', 'metadata_refused', 'A client belongs to the institution that registers it.');
  const environment = members.get('countersign_environment');
  if (environment !== undefined && environment !== 'sandbox')
    report(
      'countersign_environment',
      'registration_production',
      'Registration creates sandbox clients. For production, propose a client (POST /directory/changes) and have another person approve it.',
    );
}

/** The service or agent whose software this is. Does not disclose whether another institution's principal exists. */
function readPrincipal(members: Members, institution: string, directory: DirectorySnapshot, report: Report) {
  const id = parsePrincipalId(members.get('countersign_principal'));
  const principal = id === undefined ? undefined : directory.principal(id);
  if (id !== undefined && principal?.institution === institution && principal.kind !== 'person') return id;
  return report(
    'countersign_principal',
    'client_principal_unsuitable',
    'Name the service or agent of your institution whose software this is by its id, for example service:oms.',
  );
}

/** RFC 7591 section 2. A relying party that names no scope gets the sign-in scopes. */
function readScope(
  scope: unknown,
  { profile, grants }: { readonly profile: unknown; readonly grants: unknown },
  report: Report,
): readonly string[] | undefined {
  if (scope === undefined) {
    if (profile !== 'oidc') return [];
    return holds(grants, 'refresh_token') ? ['openid', 'offline_access'] : ['openid'];
  }
  if (typeof scope !== 'string' || scope.length > 4_096)
    return report('scope', 'metadata_malformed', 'The scopes must be one string of at most 4,096 characters.');
  return scope === '' ? [] : [...new Set(scope.split(' '))];
}

/** RFC 9449 section 5.2, RFC 8705 section 3.4. Tokens of a relying party are unbound by default, all others DPoP-bound. */
function readBinding(members: Members, profile: unknown, report: Report): 'dpop' | 'mtls' | 'none' | undefined {
  const [dpop, mtls] = ['dpop_bound_access_tokens', 'tls_client_certificate_bound_access_tokens'].map((name) => {
    const value = members.get(name) ?? false;
    return typeof value === 'boolean' ? value : report(name, 'metadata_malformed', 'The value must be true or false.');
  });
  if (dpop === undefined || mtls === undefined) return undefined;
  if (dpop && mtls)
    return report('dpop_bound_access_tokens', 'metadata_contradictory', 'A token can be bound in one way only.');
  if (mtls) return 'mtls';
  return dpop || profile !== 'oidc' ? 'dpop' : 'none';
}

/** Default of the directory's `kind`. */
function kindOf(grants: unknown): 'machine' | 'human' | 'hybrid' {
  const people = ['authorization_code', ciba].some((grant) => holds(grants, grant));
  if (!people) return 'machine';
  return holds(grants, 'client_credentials') ? 'hybrid' : 'human';
}

function holds(list: unknown, item: string): boolean {
  return Array.isArray(list) && list.includes(item);
}

/** Browsers add `key_ops` and `ext` to every key that they export. */
function withoutKeyUses(jwks: unknown): unknown {
  if (!isObject(jwks) || !Array.isArray(jwks['keys'])) return jwks;
  const keys = jwks['keys'].map((key: unknown) => {
    if (!isObject(key)) return key;
    const { key_ops: _operations, ext: _extractable, ...jwk } = key;
    return jwk;
  });
  return { ...jwks, keys };
}

function _isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 7592 section 2.2. */
const responseMembers = [
  'registration_access_token',
  'registration_client_uri',
  'client_id_issued_at',
  'client_secret_expires_at',
] as const;

/** An update must name its own client and principal. @throws CodedError `invalid_client_metadata` */
export function checkUpdate(input: unknown, client: { readonly clientId: string; readonly principal: string }): void {
  const members = membersOf(input);
  const problems: MetadataProblem[] = [];
  const report = (code: string, name: string, detail: string) => problems.push({ code, path: `/${name}`, detail });
  for (const name of responseMembers)
    if (members.has(name)) report('metadata_refused', name, 'The server sets this member. Do not send it.');
  if (members.get('client_id') !== client.clientId)
    report('client_id_differs', 'client_id', 'The client_id must be the one in the URL.');
  if (members.get('countersign_principal') !== client.principal)
    report('principal_unchangeable', 'countersign_principal', 'The principal cannot change. Register another client.');
  if (problems.length > 0) throw refuseMetadata(problems);
}
