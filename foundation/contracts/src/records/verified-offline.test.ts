import { recordRules } from '@countersign/evidence';
import { expect, it } from 'vitest';
import { type RecordType, recordTypes } from '../record-types.ts';
import { recordSchema } from './record-schemas.ts';

it('are verified offline by the source, the outcome and the members of their types', () => {
  for (const [type, { source, outcomes, members }] of Object.entries(recordRules)) {
    expect(recordTypes, type).toContain(type);
    const schema = recordSchema(type as RecordType) as {
      readonly required: readonly string[];
      readonly properties: Readonly<Record<string, { readonly enum?: readonly string[] }>>;
    };
    expect(schema.properties['source']?.enum, type).toEqual([source]);
    expect(schema.properties['outcome']?.enum, type).toEqual([...outcomes]);
    expect(schema.required, type).toEqual(expect.arrayContaining([...members]));
  }
});
