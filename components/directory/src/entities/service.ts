import { defined } from '@countersign/kernel';
import { Type } from 'typebox';
import { entityReader } from './fields/entity-reader.ts';
import { code, desk, readLei, readPrincipalId, roles, strict } from './fields/fields.ts';
import { signingAuthorityOf, signingAuthoritySchema } from './signing-authority.ts';

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
    const { desk, roles } = document;
    const authority = signingAuthorityOf(document, place);
    if (authority === undefined) return undefined;
    const { signingAuthority } = authority;
    if (signingAuthority !== undefined && signingAuthority.upTo === undefined)
      return place
        .at('signing_authority')
        .report('directory_file_invalid', 'The signing authority of software needs a limit: up_to.');
    const value = {
      kind: 'service',
      id,
      institution,
      ...defined({ desk }),
      roles,
      ...authority,
    } as const;
    return { id, owner: institution, entity: { kind: 'service', value } };
  },
});
