import { parseAccountId } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { Type } from 'typebox';
import { entityReader } from './fields/entity-reader.ts';
import { code, readLei, strict } from './fields/fields.ts';

export const accountReader = entityReader({
  kind: 'account',
  list: 'accounts',
  schema: Type.Object(
    {
      id: code,
      institution: code,
      type: Type.Union([Type.Literal('House'), Type.Literal('Client'), Type.Literal('AggregateClient')]),
      custodian: Type.Optional(code),
      contract: Type.Optional(Type.String({ ...code, description: 'Id of the contract under which it is kept.' })),
    },
    strict,
  ),
  read(document, place) {
    const id =
      parseAccountId(document.id) ??
      place
        .at('id')
        .report(
          'directory_file_invalid',
          'An account id consists of letters, digits, full stop, hyphen, underscore and slash.',
        );
    const institution = readLei(document.institution, place.at('institution'));
    const custodian = document.custodian === undefined ? undefined : readLei(document.custodian, place.at('custodian'));
    if (id === undefined || institution === undefined) return undefined;
    if (document.custodian !== undefined && custodian === undefined) return undefined;
    const { type, contract } = document;
    const value = {
      id,
      institution,
      type,
      ...defined({ custodian, contract }),
    };
    return { id, owner: institution, entity: { kind: 'account', value } };
  },
});
