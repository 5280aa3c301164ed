import type { Credential, PrincipalId } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import type { KeyCache } from '@countersign/oauth';
import { type Static, Type } from 'typebox';
import type { Place } from '../problems.ts';
import { entityReader } from './fields/entity-reader.ts';
import { code, desk, readLei, readName, readPrincipalId, roles, strict } from './fields/fields.ts';
import { jwkSchema, readPublicKey } from './fields/public-key.ts';
import { signingAuthorityOf, signingAuthoritySchema } from './signing-authority.ts';

const credentialSchema = Type.Object({ use: Type.Literal('approval'), jwk: jwkSchema }, strict);

export const personReader = entityReader({
  kind: 'person',
  list: 'people',
  schema: Type.Object(
    {
      id: code,
      institution: code,
      desk: Type.Optional(desk),
      roles,
      name: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 128,
          description: 'Told to relying parties that the person allows to know it, and shown nowhere else.',
        }),
      ),
      email: Type.Optional(
        Type.String({
          minLength: 3,
          maxLength: 254,
          pattern: '^[^\\s@<>"(),:;]+@[^\\s@<>"(),:;]+$',
          description: 'As `name`.',
        }),
      ),
      federated: Type.Array(Type.Object({ issuer: code, subject: code }, strict), { maxItems: 16, uniqueItems: true }),
      credentials: Type.Array(credentialSchema, { maxItems: 16 }),
      signing_authority: Type.Optional(signingAuthoritySchema),
      active: Type.Optional(Type.Boolean({ description: 'False: no authority, but the entry remains; default true.' })),
    },
    strict,
  ),
  read(document, place, keys) {
    const id = readPrincipalId(document.id, place.at('id'), 'person');
    const institution = readLei(document.institution, place.at('institution'));
    if (id === undefined || institution === undefined) return undefined;
    const credentials: Credential[] = [];
    for (const [index, credential] of document.credentials.entries()) {
      const read = readCredential(credential, id, place.at('credentials', index, 'jwk'), keys);
      if (read !== undefined) credentials.push(read);
    }
    if (credentials.length < document.credentials.length) return undefined;
    const { desk, roles, federated, active, email } = document;
    const name = document.name === undefined ? undefined : readName(document.name, place.at('name'));
    if (document.name !== undefined && name === undefined) return undefined;
    if (email !== undefined && readName(email, place.at('email')) === undefined) return undefined;
    const authority = signingAuthorityOf(document, place);
    if (authority === undefined) return undefined;
    const value = {
      kind: 'person',
      id,
      institution,
      ...defined({ desk }),
      roles,
      credentials,
      ...authority,
      ...defined({ active }),
    } as const;
    const claims = { ...defined({ name, email }) };
    return { id, owner: institution, entity: { kind: 'person', value, federated, claims } };
  },
});

function readCredential(
  { use, jwk }: Static<typeof credentialSchema>,
  principal: PrincipalId,
  place: Place,
  keys: KeyCache,
): Credential | undefined {
  const key = readPublicKey(jwk, place, keys);
  if (key === undefined) return undefined;
  // An approval names its key by thumbprint, so a different name in the file would be misleading.
  if (key.jwk['kid'] !== undefined && key.jwk['kid'] !== key.thumbprint)
    return place
      .at('kid')
      .report(
        'key_unusable',
        'The kid of an approval credential is its RFC 7638 thumbprint; leave it out, or write that.',
      );
  return { kid: key.thumbprint, principal, use, jwk: key.jwk };
}
