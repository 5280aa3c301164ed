import { type RecordType, recordTypes } from '../audit-log.ts';
import { recordDescriptions, recordSchema, recordSchemaId } from './record-schemas.ts';

export interface SchemaFile {
  readonly name: string;
  readonly text: string;
}

export const schemaFileName = (type: RecordType): string => `${type}.schema.json`;

export function recordSchemaFiles(): readonly SchemaFile[] {
  return [
    ...recordTypes.map((type) => ({
      name: schemaFileName(type),
      text: `${JSON.stringify(recordSchema(type), undefined, 2)}\n`,
    })),
    { name: 'README.md', text: readme() },
  ];
}

function readme(): string {
  const families = [...new Set(recordTypes.map(familyOf))];
  return `# Records

The record types of the audit log. Each schema (JSON Schema 2020-12) describes a record as stored in the leaf, is
self-contained, and has its version in its \`$id\`. A running control plane serves the schemas at \`/evidence/schemas\`.

- A member marked \`x-protected\` is a restricted value: the leaf omits it and \`protected\` holds a commitment to it,
  by JSON pointer. Records written before values were protected contain the member itself.
- \`v\` is the version of the leaf: since 2, \`stream\` and \`number\` identify the record within its source.
- The version of a schema increases with each change that could break a reader. Types are never reused.

Written by \`node scripts/write-record-schemas.mjs\` from \`foundation/contracts/src/records\`.
${families.map(familyText).join('')}`;
}

function familyOf(type: RecordType): string {
  return type.slice(0, type.indexOf('.'));
}

function familyText(family: string): string {
  const rows = recordTypes
    .filter((type) => familyOf(type) === family)
    .map((type) => {
      const { about, sources, outcomes } = recordDescriptions[type];
      return `| [${type}](${schemaFileName(type)}) | ${about} | ${sources.join(', ')} | ${outcomes.join(', ')} |\n`;
    });
  return `\n## ${family}\n\n| Type | Says | Written by | Outcome |\n|---|---|---|---|\n${rows.join('')}`;
}

/** The list of published schemas, for the interface that serves them. */
export function recordSchemaList(): readonly {
  readonly type: RecordType;
  readonly id: string;
  readonly about: string;
}[] {
  return recordTypes.map((type) => ({ type, id: recordSchemaId(type), about: recordDescriptions[type].about }));
}
