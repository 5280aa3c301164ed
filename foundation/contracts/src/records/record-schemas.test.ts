import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { recordTypes } from '../audit-log.ts';
import { recordSchema, recordSchemaId } from './record-schemas.ts';

const ajv = new Ajv2020({ strict: true, allErrors: true, keywords: ['x-protected'], formats: { 'date-time': true } });

it.each(recordTypes)('describes %s in a self-contained schema', (type) => {
  const schema = JSON.parse(JSON.stringify(recordSchema(type))) as object;
  expect(ajv.validateSchema(schema)).toBe(true);
  expect(() => ajv.compile(schema)).not.toThrow();
  expect(schema).toMatchObject({ $id: recordSchemaId(type), title: type });
});
