import { Type } from 'typebox';
import { entityReader } from './entity-reader.ts';
import { code, desk, readLei, readPrincipalId, roles, strict } from './fields.ts';
import { readSigningAuthority, signingAuthoritySchema } from './signing-authority.ts';

export const serviceReader = entityReader({
  kind: 'service',
  list: 'services',
  schema: Type.Object(
    {
      id: code,
      institution: code,
      desk: Type.Optional(desk),
      roles,
      signing_authority: Type.Optional(signingAuthoritySchema),
    },
    strict,
  ),
  read(document, place) {
    const id = readPrincipalId(document.id, place.at('id'), 'service');
    const institution = readLei(document.institution, place.at('institution'));
    if (id === undefined || institution === undefined) return undefined;
    const { desk, roles, signing_authority: written } = document;
    const at = place.at('signing_authority');
    const signingAuthority = written === undefined ? undefined : readSigningAuthority(written, at);
    if (written !== undefined && signingAuthority === undefined) return undefined;
    if (written !== undefined && !roles.includes('signatory'))
      return at.report('directory_file_invalid', 'Only a signatory has signing authority.');
    if (signingAuthority !== undefined && signingAuthority.upTo === undefined)
      return at.report('directory_file_invalid', 'Software signs up to an amount: write up_to.');
    const value = {
      kind: 'service',
      id,
      institution,
      ...(desk === undefined ? {} : { desk }),
      roles,
      ...(signingAuthority === undefined ? {} : { signingAuthority }),
    } as const;
    return { id, owner: institution, entity: { kind: 'service', value } };
  },
});
