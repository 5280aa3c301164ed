import { type RecordType, recordTypes } from '../audit-log.ts';
import { recordDescriptions, recordSchema, recordSchemaId } from './record-schemas.ts';

/** A file of the folder with the published schemas. */
export interface SchemaFile {
  readonly name: string;
  readonly text: string;
}

export const schemaFileName = (type: RecordType): string => `${type}.schema.json`;

/** The published schemas with their README. */
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

What stands in the log, type by type. Each schema (JSON Schema 2020-12) is of a record as it is in the leaf, rests on no
other document, and has its version in its \`$id\`; a running control plane serves the same at \`/evidence/schemas\`.

- A member marked \`x-protected\` is told to few: in the leaf it is left out and \`protected\` holds a commitment to it,
  by JSON pointer. Records written before values were protected have it in its place.
- \`v\` is the version of the leaf: since 2, \`stream\` and \`number\` say which record of its source it is.
- The version of a schema rises when a reader of the one before would trip over something. Types are never reused.

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
