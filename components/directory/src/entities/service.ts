import { Type } from 'typebox';
import { entityReader } from './entity-reader.ts';
import { code, desk, readLei, readPrincipalId, roles, strict } from './fields.ts';

export const serviceReader = entityReader({
  kind: 'service',
  list: 'services',
  schema: Type.Object({ id: code, institution: code, desk: Type.Optional(desk), roles }, strict),
  read(document, place) {
    const id = readPrincipalId(document.id, place.at('id'), 'service');
    const institution = readLei(document.institution, place.at('institution'));
    if (id === undefined || institution === undefined) return undefined;
    const { desk, roles } = document;
    const value = { kind: 'service', id, institution, ...(desk === undefined ? {} : { desk }), roles } as const;
    return { id, owner: institution, entity: { kind: 'service', value } };
  },
});
