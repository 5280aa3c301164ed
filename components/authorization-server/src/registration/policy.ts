import { type Client, type GrantType, grantTypes } from '@countersign/contracts';
import { isScope, scopes } from '@countersign/market';
import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';
import type { ClientDocument } from './read-metadata.ts';
import { type MetadataProblem, refuse, refuseMetadata } from './refusals.ts';

const rule = Type.Object(
  {
    /** Whether the institution may register clients at all. Default true. */
    allowed: Type.Optional(Type.Boolean()),
    /** How many clients it may have registered at the same time. Default 20. */
    maxClients: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
    /** Default both. */
    profiles: Type.Optional(Type.Array(Type.Enum(['fapi2', 'oidc']), { uniqueItems: true })),
    /** Default every grant. */
    grantTypes: Type.Optional(Type.Array(Type.Enum([...grantTypes]), { uniqueItems: true })),
    /** Market scopes; protocol scopes come with grants. Default all except those that govern the installation. */
    scopes: Type.Optional(Type.Array(Type.Enum([...scopes]), { uniqueItems: true })),
  },
  { additionalProperties: false },
);

/** One default, and overrides by LEI. */
export const registrationPolicySchema = Type.Object(
  {
    default: Type.Optional(rule),
    institutions: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Z0-9]{18}[0-9]{2}$' }), rule)),
  },
  { additionalProperties: false },
);

export type RegistrationPolicy = Static<typeof registrationPolicySchema>;

export interface RegistrationRule extends Readonly<Required<Pick<Static<typeof rule>, 'allowed' | 'maxClients'>>> {
  readonly profiles: readonly Client['profile'][];
  readonly grantTypes: readonly GrantType[];
  readonly scopes: readonly string[];
}

/** An institution cannot grant these to its own software: they govern the installation or monitor others. */
const governing =
  /^(?:partner|key|policy|audit|retention|erasure|legalhold|signal|breakglass|directory|client|token|revocation):/;

const defaults: RegistrationRule = {
  allowed: true,
  maxClients: 20,
  profiles: ['fapi2', 'oidc'],
  grantTypes,
  scopes: scopes.filter((scope) => !governing.test(scope)),
};

/** @throws CodedError `configuration_invalid` */
export function parseRegistrationPolicy(input: unknown): (institution: string) => RegistrationRule {
  const { default: everybody, institutions = {} } = parseConfiguration(registrationPolicySchema, input);
  return (institution) => ({
    ...defaults,
    ...everybody,
    ...(Object.hasOwn(institutions, institution) ? institutions[institution] : {}),
  });
}

/** @throws CodedError `access_denied` */
export function requireAllowed({ allowed }: RegistrationRule): void {
  if (!allowed)
    throw refuse('registration_not_allowed', 'Your institution is not allowed to register clients. Ask the operator.');
}

/** @throws CodedError `invalid_client_metadata` */
export function checkPolicy(
  document: ClientDocument,
  { profiles, grantTypes: grants, scopes: held }: RegistrationRule,
): void {
  const problems: MetadataProblem[] = [];
  const report = (code: string, path: string, what: string) =>
    problems.push({ code, path, detail: `The policy of this installation does not let you register clients ${what}.` });
  const { profile, grant_types: asked } = document;
  if ((profile === 'fapi2' || profile === 'oidc') && !profiles.includes(profile))
    report('registration_profile', '/countersign_profile', `of the profile ${profile}`);
  for (const [index, grant] of (Array.isArray(asked) ? asked : []).entries())
    if (grantTypes.some((known) => known === grant) && !grants.some((allowed) => allowed === grant))
      report('registration_grant', `/grant_types/${index}`, 'with this grant');
  for (const scope of document.scopes)
    if (isScope(scope) && !held.includes(scope)) report('registration_scope', '/scope', `for ${scope}`);
  if (problems.length > 0) throw refuseMetadata(problems);
}
