import { type DirectorySnapshot, parsePrincipalId } from '@countersign/contracts';
import { isObject } from '@countersign/kernel';
import { documentNames } from './members.ts';
import { type MetadataProblem, refuseMetadata } from './refusals.ts';
import { type Members, refusedMembers } from './refused-members.ts';

/** A client in the format of the directory's registration document; the directory validates every member. */
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

/** Values that do not come from the metadata. */
export interface RegistrationSubject {
  readonly clientId: string;
  /** The institution that registers the client and therefore owns it. */
  readonly institution: string;
}

const ciba = 'urn:openid:params:grant-type:ciba';

/**
 * Converts client metadata (RFC 7591 section 2) to the document that the directory is asked to accept, with all defaults
 * filled in. It checks only what the directory does not see: members that the directory has no equivalent for, and members
 * that map to several of its members. It reports all problems at once.
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
    // Registration section 2 defaults to RS256; the response states the algorithm that this server uses instead.
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

/** RFC 7591 section 2.1: response types correspond to grant types; this server supports only `code`. */
function checkResponseTypes(members: Members, grants: unknown, report: Report): void {
  const asked = members.get('response_types');
  if (asked === undefined) return;
  const types: readonly unknown[] = Array.isArray(asked) ? asked : [asked];
  if (!Array.isArray(asked) || types.some((type) => type !== 'code'))
    report('response_types', 'metadata_refused', 'The one response type is code.');
  else if (holds(grants, 'authorization_code') !== types.length > 0)
    report(
      'response_types',
      'metadata_contradictory',
      'The response type code goes with the grant authorization_code.',
    );
}

/** Members that the caller may repeat from an earlier response but not choose. */
function checkOwn(members: Members, institution: string, report: Report): void {
  const owner = members.get('countersign_institution');
  if (owner !== undefined && owner !== institution)
    report('countersign_institution', 'metadata_refused', 'A client belongs to the institution that registers it.');
  const environment = members.get('countersign_environment');
  if (environment !== undefined && environment !== 'sandbox')
    report(
      'countersign_environment',
      'registration_production',
      'Registration makes sandbox clients. One for production takes two people: propose it (POST /directory/changes) and have somebody else approve it.',
    );
}

/**
 * The service or agent whose software this is. The response does not reveal whether a principal of another institution
 * exists.
 */
function readPrincipal(
  members: Members,
  institution: string,
  directory: DirectorySnapshot,
  report: Report,
): string | undefined {
  const id = parsePrincipalId(members.get('countersign_principal'));
  const principal = id === undefined ? undefined : directory.principal(id);
  if (id !== undefined && principal?.institution === institution && principal.kind !== 'person') return id;
  return report(
    'countersign_principal',
    'client_principal_unsuitable',
    'Name the service or agent of your institution whose software this is, by its id: service:oms.',
  );
}

/** RFC 7591 section 2: one string. A relying party that names no scope gets the sign-in scopes. */
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
    return report('scope', 'metadata_malformed', 'The scopes are one text of at most 4,096 characters.');
  return scope === '' ? [] : [...new Set(scope.split(' '))];
}

/**
 * RFC 9449 section 5.2 and RFC 8705 section 3.4: the binding of access tokens. The default is the key of a DPoP proof;
 * tokens of an ordinary relying party are unbound unless it requests a binding.
 */
function readBinding(members: Members, profile: unknown, report: Report): 'dpop' | 'mtls' | 'none' | undefined {
  const [dpop, mtls] = ['dpop_bound_access_tokens', 'tls_client_certificate_bound_access_tokens'].map((name) => {
    const value = members.get(name) ?? false;
    return typeof value === 'boolean' ? value : report(name, 'metadata_malformed', 'The value is true or false.');
  });
  if (dpop === undefined || mtls === undefined) return undefined;
  if (dpop && mtls)
    return report('dpop_bound_access_tokens', 'metadata_contradictory', 'A token is bound to one thing, not to two.');
  if (mtls) return 'mtls';
  return dpop || profile !== 'oidc' ? 'dpop' : 'none';
}

/** The type of user, derived from the client's grants (the directory's `kind`), if the metadata does not state it. */
function kindOf(grants: unknown): 'machine' | 'human' | 'hybrid' {
  const people = ['authorization_code', ciba].some((grant) => holds(grants, grant));
  if (!people) return 'machine';
  return holds(grants, 'client_credentials') ? 'hybrid' : 'human';
}

function holds(list: unknown, item: string): boolean {
  return Array.isArray(list) && list.includes(item);
}

/** Browsers write `key_ops` and `ext` into every key that they export; neither describes the key itself. */
function withoutKeyUses(jwks: unknown): unknown {
  if (!isObject(jwks) || !Array.isArray(jwks['keys'])) return jwks;
  const keys = jwks['keys'].map((key: unknown) => {
    if (!isObject(key)) return key;
    const { key_ops: _operations, ext: _extractable, ...jwk } = key;
    return jwk;
  });
  return { ...jwks, keys };
}

/** Members that an update must not contain (RFC 7592 section 2.2). */
const answersOnly = [
  'registration_access_token',
  'registration_client_uri',
  'client_id_issued_at',
  'client_secret_expires_at',
] as const;

/**
 * An update must name its own client and software: the server assigned the client id, and the software may not change.
 *
 * @throws CodedError `invalid_client_metadata`
 */
export function checkUpdate(input: unknown, client: { readonly clientId: string; readonly principal: string }): void {
  const members = membersOf(input);
  const problems: MetadataProblem[] = answersOnly
    .filter((name) => members.has(name))
    .map((name) => ({
      code: 'metadata_refused',
      path: `/${name}`,
      detail: 'The server sets this member; do not send it.',
    }));
  if (members.get('client_id') !== client.clientId)
    problems.push({
      code: 'client_id_differs',
      path: '/client_id',
      detail: 'The client_id must be the one in the URL.',
    });
  if (members.get('countersign_principal') !== client.principal)
    problems.push({
      code: 'principal_unchangeable',
      path: '/countersign_principal',
      detail: 'A client stays the software of its principal; for another one, register another client.',
    });
  if (problems.length > 0) throw refuseMetadata(problems);
}
