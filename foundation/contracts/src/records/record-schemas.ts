import { type TSchema, Type } from 'typebox';
import type { RecordType } from '../audit-log.ts';
import { authenticatorRecords } from './authenticators.ts';
import { certificateRecords } from './certificates.ts';
import { decisionRecords } from './decisions.ts';
import { deviceRecords } from './devices.ts';
import { directoryRecords } from './directory.ts';
import { enrolmentRecords } from './enrolments.ts';
import { eventRecords } from './events.ts';
import { evidenceRecords } from './evidence.ts';
import { haltRecords } from './halts.ts';
import { incidentRecords } from './incidents.ts';
import { logRecords } from './log.ts';
import { mandateRecords } from './mandates.ts';
import { membersOfLog, membersOfWriter, numbering } from './members.ts';
import { noticeRecords } from './notices.ts';
import { recoveryRecords } from './recoveries.ts';
import { riskRecords } from './risk.ts';
import { secretsRecords } from './secrets.ts';
import { id, type RecordDescription } from './shape.ts';
import { signInRecords } from './sign-in.ts';
import { tokenRecords } from './tokens.ts';
import { transactionRecords } from './transactions.ts';
import { workloadRecords } from './workloads.ts';

/** Every record type with its meaning, its writers, and the shape of its data. */
export const recordDescriptions: Readonly<Record<RecordType, RecordDescription>> = {
  ...logRecords,
  ...directoryRecords,
  ...decisionRecords,
  ...mandateRecords,
  ...signInRecords,
  ...certificateRecords,
  ...enrolmentRecords,
  ...secretsRecords,
  ...haltRecords,
  ...workloadRecords,
  ...recoveryRecords,
  ...incidentRecords,
  ...noticeRecords,
  ...tokenRecords,
  ...transactionRecords,
  ...evidenceRecords,
  ...eventRecords,
  ...authenticatorRecords,
  ...riskRecords,
  ...deviceRecords,
};

/** @returns `urn:countersign:schema:record:<type>:<version>` */
export function recordSchemaId(type: RecordType): string {
  return `urn:countersign:schema:record:${type}:${recordDescriptions[type].version ?? 1}`;
}

/**
 * The JSON Schema (2020-12) of a type's records in the log: both versions of the leaf, with or without restricted values. It
 * refers to no other document; `x-protected` lists the restricted values.
 */
export function recordSchema(type: RecordType): Readonly<Record<string, unknown>> {
  const { about } = recordDescriptions[type];
  const { required, properties, ...members } = ofRecord(type, membersOfLog);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: recordSchemaId(type),
    title: type,
    description: about,
    ...members,
    required,
    properties,
    ...numbering,
  };
}

/** The schema of a writer's draft, with data and protected values in place. */
export function draftSchema(type: RecordType): TSchema {
  return ofRecord(type, {});
}

function ofRecord(type: RecordType, members: Readonly<Record<string, TSchema>>) {
  const { sources, outcomes, always = [], data, dataOptional = false } = recordDescriptions[type];
  const { required, ...object } = Type.Object(
    {
      ...members,
      id: id('rec'),
      type: Type.Literal(type),
      source: Type.Enum([...sources]),
      outcome: Type.Enum([...outcomes]),
      ...membersOfWriter,
      ...(data === undefined ? {} : { data: dataOptional ? Type.Optional(data) : data }),
    },
    { additionalProperties: false },
  );
  return { ...object, required: [...required, ...always] };
}
