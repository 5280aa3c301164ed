import { defined } from '@countersign/kernel';
import { Type } from 'typebox';
import { entityReader } from './fields/entity-reader.ts';
import { code, readInstant, readLei, readPrincipalId, strict } from './fields/fields.ts';

export const deviceReader = entityReader({
  kind: 'device',
  list: 'devices',
  schema: Type.Object(
    {
      id: Type.String({ pattern: '^device:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,118}[A-Za-z0-9])?$' }),
      institution: code,
      holder: Type.Optional(
        Type.String({
          ...code,
          description: 'The person it belongs to; shared within the institution when left out.',
        }),
      ),
      posture: Type.Enum(['compliant', 'failing'], {
        description: "Whether it met the institution's rules at its last check.",
      }),
      posture_at: Type.String({ maxLength: 40, description: 'RFC 3339.' }),
    },
    strict,
  ),
  read({ id, institution: lei, holder: person, posture, posture_at }, place) {
    const institution = readLei(lei, place.at('institution'));
    const holder = person === undefined ? undefined : readPrincipalId(person, place.at('holder'), 'person');
    const postureAt = readInstant(posture_at, place.at('posture_at'));
    if (institution === undefined || postureAt === undefined) return undefined;
    if (person !== undefined && holder === undefined) return undefined;
    const value = { id, institution, ...defined({ holder }), posture, postureAt };
    return { id, owner: institution, entity: { kind: 'device', value } };
  },
});
