import { grantTypes } from '@countersign/contracts';
import { type Static, Type } from 'typebox';
import { code, strict } from '../fields/fields.ts';
import { jwkSchema } from '../fields/public-key.ts';
import { scopesSchema } from '../fields/scopes.ts';

const uris = Type.Optional(Type.Array(code, { maxItems: 16, uniqueItems: true }));
const name = Type.Optional(Type.String({ minLength: 1, maxLength: 256 }));

/** Longest lifetime of a provisioning token: the usual life of keys that people replace by hand. */
const maxProvisioningTokenDays = 90;

export const clientSchema = Type.Object(
  {
    id: code,
    institution: code,
    principal: code,
    client_name: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'What people read on the consent page; default: id.' }),
    ),
    kind: Type.Optional(
      Type.Enum(['machine', 'human', 'hybrid'], {
        description: 'Who uses it: software alone, a person who signs in, or both; default `machine`.',
      }),
    ),
    profile: Type.Optional(
      Type.Enum(['fapi2', 'oidc'], {
        description: 'FAPI 2.0, or an ordinary relying party that signs people in; default `fapi2`.',
      }),
    ),
    environment: Type.Optional(
      Type.Enum(['production', 'sandbox'], {
        description: 'Changes of a production client need two people; default `sandbox`.',
      }),
    ),
    token_endpoint_auth_method: Type.Optional(
      Type.Enum(['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'], {
        description: 'There are no shared secrets; default `private_key_jwt`.',
      }),
    ),
    tls_client_auth_subject_dn: name,
    tls_client_auth_san_dns: name,
    tls_client_auth_san_uri: name,
    tls_client_auth_san_ip: name,
    tls_client_auth_san_email: name,
    binding: Type.Optional(
      Type.Enum(['dpop', 'mtls', 'none'], {
        description: 'What its tokens are bound to; `none` for the profile `oidc` alone; default `dpop`.',
      }),
    ),
    grant_types: Type.Array(Type.Enum([...grantTypes]), { minItems: 1, uniqueItems: true }),
    scopes: scopesSchema,
    audiences: Type.Array(code, { maxItems: 64, uniqueItems: true }),
    authorization_details_types: Type.Optional(
      Type.Array(code, {
        maxItems: 32,
        uniqueItems: true,
        description:
          'RFC 9396; every type of the market when left out, none for the profile `oidc`. Types of applications are named.',
      }),
    ),
    jwks: Type.Optional(Type.Object({ keys: Type.Array(jwkSchema, { minItems: 1, maxItems: 8 }) }, strict)),
    jwks_uri: Type.Optional(code),
    redirect_uris: uris,
    post_logout_redirect_uris: uris,
    backchannel_logout_uri: Type.Optional(code),
    require_signed_request_object: Type.Optional(Type.Boolean()),
    require_signed_response: Type.Optional(Type.Boolean()),
    require_pkce: Type.Optional(
      Type.Boolean({
        description:
          'RFC 7636; default true. `false`, for the profile `oidc` alone: a `nonce` may stand in for the code challenge.',
      }),
    ),
    id_token_signed_response_alg: Type.Optional(
      Type.Enum(['ES256', 'PS256', 'RS256'], {
        description:
          'By which ID tokens and logout tokens are signed; RS256 for the profile `oidc` alone; default ES256.',
      }),
    ),
    dpop_bound_refresh_tokens: Type.Optional(
      Type.Boolean({
        description: 'Refresh tokens work with the DPoP key that they were issued to and no other; default false.',
      }),
    ),
    backchannel_token_delivery_mode: Type.Optional(
      Type.Enum(['poll', 'ping'], { description: 'FAPI-CIBA has no push; default `poll`.' }),
    ),
    backchannel_client_notification_endpoint: Type.Optional(code),
    provisioning_token_days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: maxProvisioningTokenDays,
        description: 'Days that its provisioning token for SCIM lives; it has none when left out.',
      }),
    ),
  },
  strict,
);

export type ClientDocument = Static<typeof clientSchema>;
