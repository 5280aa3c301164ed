import { type GrantType, parseClientId, parseResourceUri, type ResourceUri } from '@countersign/contracts';
import type { KeyCache } from '@countersign/oauth';
import { Type } from 'typebox';
import type { Place } from '../problems.ts';
import { entityReader } from './entity-reader.ts';
import { code, readLei, readPrincipalId, strict } from './fields.ts';
import { jwkSchema, type ReadKey, readPublicKey } from './public-key.ts';
import { readSeparateScopes, scopesSchema } from './scopes.ts';

const grantType = Type.Union([
  Type.Literal('client_credentials'),
  Type.Literal('urn:ietf:params:oauth:grant-type:jwt-bearer'),
  Type.Literal('urn:ietf:params:oauth:grant-type:token-exchange'),
]);

export const clientReader = entityReader({
  kind: 'client',
  list: 'clients',
  schema: Type.Object(
    {
      id: code,
      institution: code,
      principal: code,
      grant_types: Type.Array(grantType, { minItems: 1, uniqueItems: true }),
      scopes: scopesSchema,
      audiences: Type.Array(code, { maxItems: 64, uniqueItems: true }),
      jwks: Type.Object({ keys: Type.Array(jwkSchema, { minItems: 1, maxItems: 8 }) }, strict),
    },
    strict,
  ),
  read(document, place, keys) {
    const id =
      parseClientId(document.id) ??
      place.at('id').report('directory_file_invalid', 'A client id is made of a-z, 0-9, point, hyphen and underscore.');
    const institution = readLei(document.institution, place.at('institution'));
    const principal = readPrincipalId(document.principal, place.at('principal'));
    const scopes = readSeparateScopes(document.scopes, place.at('scopes'));
    const audiences = readAudiences(document.audiences, place.at('audiences'));
    const registered = readKeys(document.jwks.keys, place.at('jwks', 'keys'), keys);
    if (id === undefined || institution === undefined || principal === undefined) return undefined;
    if (scopes === undefined || audiences === undefined || registered === undefined) return undefined;
    const grantTypes: readonly GrantType[] = document.grant_types;
    const value = {
      id,
      institution,
      principal,
      grantTypes,
      scopes: [...scopes],
      audiences,
      jwks: registered.map(({ jwk }) => jwk),
    };
    return {
      id,
      owner: institution,
      entity: { kind: 'client', value, thumbprints: registered.map(({ thumbprint }) => thumbprint) },
    };
  },
});

function readAudiences(texts: readonly string[], place: Place): readonly ResourceUri[] | undefined {
  const audiences: ResourceUri[] = [];
  for (const [index, text] of texts.entries()) {
    const uri =
      parseResourceUri(text) ??
      place.at(index).report('directory_file_invalid', 'An audience is an absolute URI without fragment.');
    if (uri !== undefined) audiences.push(uri);
  }
  return audiences.length === texts.length ? audiences : undefined;
}

/** The keys of a client, each with a `kid` of its own: an assertion names the key that signed it. */
function readKeys(
  jwks: readonly Readonly<Record<string, unknown>>[],
  place: Place,
  keys: KeyCache,
): readonly ReadKey[] | undefined {
  const read: ReadKey[] = [];
  const kids = new Set<string>();
  for (const [index, jwk] of jwks.entries()) {
    const key = readPublicKey(jwk, place.at(index), keys);
    if (key === undefined) continue;
    const kid = key.jwk['kid'];
    if (kid === undefined || kid.length > 256 || kids.has(kid)) {
      place
        .at(index, 'kid')
        .report('key_unusable', 'Each key of a client has a kid of its own, of 1 to 256 characters.');
      continue;
    }
    kids.add(kid);
    read.push(key);
  }
  return read.length === jwks.length ? read : undefined;
}
