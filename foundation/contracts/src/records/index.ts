export { recordFaults, requireFit } from './check-record.ts';
export { recordSchemaFiles, recordSchemaList, type SchemaFile } from './publish.ts';
export { recordSchema, recordSchemaId } from './record-schemas.ts';
