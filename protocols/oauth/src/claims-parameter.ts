import type { Json } from '@countersign/kernel';
import { asJsonObject, asStrings, given, memberOf } from './members.ts';
import { jsonOf, type RequestParameters, refuseParameter } from './request-parameters.ts';

/** The claims that affect how the person must sign in. */
export interface RequestedClaims {
  /** One is required. Empty if none. */
  readonly requiredAcrValues: readonly string[];
  readonly preferredAcrValues: readonly string[];
  /** The only subject that may sign in. */
  readonly subject?: string;
}

const nothing: RequestedClaims = { requiredAcrValues: [], preferredAcrValues: [] };
const targets = ['id_token', 'userinfo'] as const;

/**
 * Reads `acr` and `sub` of the `claims` parameter (OpenID Connect Core sections 5.5, 5.5.1.1 and 3.1.2.2) under
 * `id_token` and `userinfo`. Other claims are voluntary and follow the scopes. @throws CodedError
 * `parameter_malformed`, `parameter_too_long`
 */
export function readClaimsParameter(parameters: RequestParameters): RequestedClaims {
  const value = jsonOf(parameters, 'claims', { maxLength: 4_096 });
  if (value === undefined) return nothing;
  const claims = objectOr(value, 'must be a JSON object.');
  const demanded: string[] = [];
  const preferred: string[] = [];
  const subjects = new Set<string>();
  for (const target of targets) {
    const asked = memberOf(claims, target);
    // OpenID Connect Core section 5.5: null requests no particular value.
    if (asked === undefined || asked === null) continue;
    const members = objectOr(asked, `must have an object as ${target}.`);
    const acr = readRequest(memberOf(members, 'acr'), 'acr');
    (acr.essential ? demanded : preferred).push(...acr.values);
    for (const subject of readRequest(memberOf(members, 'sub'), 'sub').values) subjects.add(subject);
  }
  const [subject, another] = subjects;
  if (another !== undefined) throw malformed('asks for more than one sub.');
  return {
    requiredAcrValues: [...new Set(demanded)],
    preferredAcrValues: [...new Set(preferred)],
    ...given('subject', subject),
  };
}

/** OpenID Connect Core section 5.5.1. */
function readRequest(
  asked: Json | undefined,
  name: string,
): { readonly essential: boolean; readonly values: readonly string[] } {
  if (asked === undefined || asked === null) return { essential: false, values: [] };
  const request = objectOr(asked, `must have null or an object as ${name}.`);
  const essential = memberOf(request, 'essential') ?? false;
  if (typeof essential !== 'boolean') throw malformed(`must say essential of ${name} by true or false.`);
  const value = memberOf(request, 'value');
  const listed = memberOf(request, 'values') ?? (value === undefined ? undefined : [value]);
  if (listed === undefined) return { essential, values: [] };
  const values = asStrings(listed, { maxItems: 16, maxLength: 256 });
  if (values === undefined) throw malformed(`must have strings as values of ${name}.`);
  return { essential, values };
}

function objectOr(value: Json, detail: string) {
  const object = asJsonObject(value);
  if (object === undefined) throw malformed(detail);
  return object;
}

function malformed(detail: string) {
  return refuseParameter('parameter_malformed', 'claims', detail);
}
