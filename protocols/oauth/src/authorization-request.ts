import { type GrantId, type Json, parseId } from '@countersign/kernel';
import { readClaimsParameter } from './claims-parameter.ts';
import type { Thumbprint } from './key-cache.ts';
import { given } from './members.ts';
import {
  graphicText,
  jsonOf,
  listOf,
  type RequestParameters,
  refuseParameter,
  requiredTextOf,
  textOf,
  visibleText,
  wholeNumberOf,
} from './request-parameters.ts';

export {
  type AuthorizationRequestProblem,
  authorizationRequestErrors,
  oauthErrorOfAuthorizationRequest,
  type RequestParameters,
} from './request-parameters.ts';

export const promptValues = ['none', 'login', 'consent', 'select_account'] as const;
export type Prompt = (typeof promptValues)[number];

/** Where errors can be reported by redirect. */
export interface ResponseTarget {
  readonly clientId: string;
  /** Absolute and without fragment. Not yet compared with the registration. */
  readonly redirectUri: string;
  /** `jwt`: signed response in the query (JARM sections 2.3.1 and 2.3.4). */
  readonly responseMode: 'query' | 'jwt';
  readonly state?: string;
}

/** Code flow with PKCE, as plain JSON that can be stored. */
export interface AuthorizationRequest extends ResponseTarget {
  /** S256 (RFC 7636); absent for clients without PKCE. */
  readonly codeChallenge?: string;
  /** Without duplicates. */
  readonly scope: readonly string[];
  readonly nonce?: string;
  /** RFC 8707, at most one. */
  readonly resource?: string;
  /** RFC 9396, with unvalidated elements. */
  readonly authorizationDetails?: readonly Json[];
  readonly prompt: readonly Prompt[];
  readonly maxAgeSeconds?: number;
  /** Preferred classes, best first (OpenID Connect Core section 3.1.2.1, RFC 9470 section 4). */
  readonly acrValues: readonly string[];
  /** One is required: `acr` as an essential claim. Empty if none. */
  readonly requiredAcrValues: readonly string[];
  /** The only subject that may sign in: `sub` in the `claims` parameter. */
  readonly subject?: string;
  readonly loginHint?: string;
  /** Not yet verified: see `verifyIdTokenHint`. */
  readonly idTokenHint?: string;
  /** RFC 9449 section 10. */
  readonly dpopJkt?: Thumbprint;
  readonly grantManagement?:
    | { readonly action: 'create' }
    | { readonly action: 'merge' | 'replace'; readonly grantId: GrantId };
}

/** An error thrown here must not cause a redirect. @throws CodedError of `authorizationRequestErrors` */
export function parseResponseTarget(parameters: RequestParameters): ResponseTarget {
  const redirectUri = requiredTextOf(parameters, 'redirect_uri', { maxLength: 2_048, pattern: graphicText });
  // RFC 6749 section 3.1.2.
  if (!URL.canParse(redirectUri) || redirectUri.includes('#'))
    throw refuseParameter('parameter_malformed', 'redirect_uri', 'must be an absolute URI without a fragment.');
  return {
    clientId: requiredTextOf(parameters, 'client_id', { maxLength: 256, pattern: visibleText }),
    redirectUri,
    // Not validated yet: an unsupported mode is reported in the default mode.
    responseMode: signedModes.some((mode) => mode === parameters.get('response_mode')) ? 'jwt' : 'query',
    ...given('state', textOf(parameters, 'state', { maxLength: 512, pattern: visibleText })),
  };
}

/**
 * Reads a form or request object with the same result (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1, RFC
 * 7636, 8707, 9396, 9449). Unknown parameters are ignored; the caller resolves `request` and `request_uri`. @param
 * options.requirePkce `false` accepts a `nonce` instead (RFC 9700 section 2.1.1) @throws CodedError of
 * `authorizationRequestErrors`, with the fact `parameter`
 */
export function parseAuthorizationRequest(
  parameters: RequestParameters,
  options: { readonly requirePkce: boolean } = { requirePkce: true },
): AuthorizationRequest {
  const target = parseResponseTarget(parameters);
  const responseType = requiredTextOf(parameters, 'response_type', { maxLength: 64, pattern: visibleText });
  if (responseType !== 'code')
    throw refuseParameter('response_type_unsupported', 'response_type', 'must be code; nothing else is offered.');
  const claims = readClaimsParameter(parameters);
  const acrValues = listOf(parameters, 'acr_values', { maxLength: 1_024, maxItems: 16, pattern: wordsPattern });
  return {
    ...target,
    responseMode: readResponseMode(parameters),
    ...given('codeChallenge', readCodeChallenge(parameters, options.requirePkce)),
    scope: listOf(parameters, 'scope', {
      maxLength: 2_048,
      maxItems: 64,
      pattern: scopePattern,
      malformed: 'scope_malformed',
    }),
    ...given('nonce', textOf(parameters, 'nonce', { maxLength: 512, pattern: visibleText })),
    ...given('resource', readResource(parameters)),
    ...given('authorizationDetails', readDetails(parameters)),
    prompt: readPrompt(parameters),
    ...given('maxAgeSeconds', wholeNumberOf(parameters, 'max_age')),
    acrValues: [...new Set([...acrValues, ...claims.preferredAcrValues])],
    requiredAcrValues: claims.requiredAcrValues,
    ...given('subject', claims.subject),
    ...given('loginHint', textOf(parameters, 'login_hint', { maxLength: 256, pattern: hintPattern })),
    ...given('idTokenHint', textOf(parameters, 'id_token_hint', { maxLength: 8_192, pattern: graphicText })),
    ...given('dpopJkt', readThumbprint(parameters)),
    ...given('grantManagement', readGrantManagement(parameters)),
  };
}

/** RFC 6749 section 3.3. */
const scopePattern = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const wordsPattern = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;
/** A name in any script. */
const hintPattern = /^[^\p{Cc}\p{Cs}]+$/u;
/** A SHA-256 value in base64url (RFC 7636 section 4.2, RFC 7638). */
const sha256Pattern = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** JARM sections 2.3.1 and 2.3.4. */
const signedModes = ['jwt', 'query.jwt'] as const;

function readResponseMode(parameters: RequestParameters): ResponseTarget['responseMode'] {
  const mode = textOf(parameters, 'response_mode', { maxLength: 64, pattern: visibleText });
  switch (mode) {
    case undefined:
    case 'query':
      return 'query';
    case 'jwt':
    case 'query.jwt':
      return 'jwt';
    default:
      throw refuseParameter('response_mode_unsupported', 'response_mode', 'must be query, jwt or query.jwt.');
  }
}

function readCodeChallenge(parameters: RequestParameters, requirePkce: boolean): string | undefined {
  // If only one PKCE parameter is present, the other was lost or removed.
  if (!requirePkce && !parameters.has('code_challenge') && !parameters.has('code_challenge_method')) {
    requiredTextOf(parameters, 'nonce', { maxLength: 512, pattern: visibleText });
    return undefined;
  }
  const challenge = requiredTextOf(parameters, 'code_challenge', { maxLength: 128, pattern: visibleText });
  // RFC 7636 section 4.3: an absent method would mean plain.
  const method = requiredTextOf(parameters, 'code_challenge_method', { maxLength: 64, pattern: visibleText });
  if (method !== 'S256')
    throw refuseParameter('code_challenge_method_unsupported', 'code_challenge_method', 'must be S256.');
  if (!sha256Pattern.test(challenge))
    throw refuseParameter('parameter_malformed', 'code_challenge', 'must be a SHA-256 value in base64url.');
  return challenge;
}

function readResource(parameters: RequestParameters): string | undefined {
  const malformed = 'resource_malformed';
  const resource = textOf(parameters, 'resource', { maxLength: 2_048, pattern: graphicText, malformed });
  // RFC 8707 section 2.
  if (resource !== undefined && (!URL.canParse(resource) || resource.includes('#')))
    throw refuseParameter(malformed, 'resource', 'must be an absolute URI without a fragment.');
  return resource;
}

function readDetails(parameters: RequestParameters): readonly Json[] | undefined {
  const malformed = 'details_malformed';
  const details = jsonOf(parameters, 'authorization_details', { maxLength: 32_768, malformed });
  if (details === undefined) return undefined;
  if (!Array.isArray(details) || details.length === 0)
    throw refuseParameter(malformed, 'authorization_details', 'must be a JSON array with at least one element.');
  return details;
}

function readPrompt(parameters: RequestParameters): readonly Prompt[] {
  const asked = listOf(parameters, 'prompt', { maxLength: 64, maxItems: 4, pattern: wordsPattern });
  const prompt: Prompt[] = [];
  for (const word of asked) {
    const value = promptValues.find((known) => known === word);
    if (value === undefined)
      throw refuseParameter('parameter_malformed', 'prompt', `must be made of ${promptValues.join(', ')}.`);
    prompt.push(value);
  }
  if (prompt.includes('none') && prompt.length > 1)
    throw refuseParameter('prompt_contradictory', 'prompt', 'must not combine none with another value.');
  return prompt;
}

function readThumbprint(parameters: RequestParameters): Thumbprint | undefined {
  const jkt = textOf(parameters, 'dpop_jkt', { maxLength: 128, pattern: sha256Pattern });
  // A valid thumbprint, as checked.
  return jkt === undefined ? undefined : (jkt as Thumbprint);
}

function readGrantManagement(parameters: RequestParameters): AuthorizationRequest['grantManagement'] {
  const action = textOf(parameters, 'grant_management_action', { maxLength: 64, pattern: visibleText });
  const grantId = readGrantId(parameters);
  switch (action) {
    case undefined:
      if (grantId !== undefined) throw contradictory('grant_id', 'must come with grant_management_action.');
      return undefined;
    case 'create':
      if (grantId !== undefined) throw contradictory('grant_id', 'must not be sent to create a grant.');
      return { action };
    case 'merge':
    case 'replace':
      if (grantId === undefined) throw contradictory('grant_id', `must name the grant to ${action}.`);
      return { action, grantId };
    default:
      throw refuseParameter('parameter_malformed', 'grant_management_action', 'must be create, merge or replace.');
  }
}

function readGrantId(parameters: RequestParameters): GrantId | undefined {
  const malformed = 'grant_id_malformed';
  const text = textOf(parameters, 'grant_id', { maxLength: 64, pattern: visibleText, malformed });
  const grantId = parseId('grant', text);
  if (text !== undefined && grantId === undefined)
    throw refuseParameter(malformed, 'grant_id', 'is not the id of a grant.');
  return grantId;
}

function contradictory(parameter: string, detail: string) {
  return refuseParameter('grant_management_contradictory', parameter, detail);
}
