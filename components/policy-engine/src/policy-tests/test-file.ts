import type { EntityInput, EntityUid } from '@countersign/cedar';
import type { Json } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { firstFaultIn } from '../bundle/first-fault.ts';

const closed = { additionalProperties: false };
const values = Type.Record(Type.String({ maxLength: 256 }), Type.Unknown());
const name = Type.String({ minLength: 1, maxLength: 256 });
const uid = Type.Object({ type: name, id: Type.String({ maxLength: 1_024 }) }, closed);
const entity = Type.Object(
  { uid, attrs: Type.Optional(values), parents: Type.Optional(Type.Array(uid)) },
  { ...closed, description: 'An entity in the JSON form of Cedar' },
);
const expected = Type.Object(
  {
    decision: Type.Enum(['permit', 'deny']),
    reasons: Type.Optional(Type.Array(name)),
    determining: Type.Optional(Type.Array(name)),
    obligations: Type.Optional(Type.Array(Type.Unknown())),
    token_lifetime_seconds: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  closed,
);
const test = Type.Object(
  {
    name,
    principal: name,
    action: name,
    resource: name,
    also: Type.Optional(Type.Array(name)),
    attrs: Type.Optional(values),
    context: Type.Optional(values),
    expect: expected,
  },
  closed,
);
const fileSchema = Type.Object(
  {
    entities: Type.Optional(Type.Array(entity)),
    context: Type.Optional(values),
    resources: Type.Optional(Type.Record(Type.String(), entity)),
    tests: Type.Array(test, { maxItems: 10_000 }),
  },
  closed,
);
const compiled = Compile(fileSchema);

/** One test of a bundle: a question and the expected answer. */
export type PolicyTest = Static<typeof test>;
export type Expectation = Static<typeof expected>;

export interface TestFile {
  /** Entities for all tests of the file, in addition to the bundle's reference data. */
  readonly entities: readonly EntityInput[];
  readonly context: Readonly<Record<string, Json>>;
  /** Resources for tests, by name. */
  readonly resources: ReadonlyMap<string, EntityInput>;
  readonly tests: readonly PolicyTest[];
}

/** @returns the file, or the problem in words */
export function readTestFile(content: Json): TestFile | { readonly problem: string } {
  if (!compiled.Check(content)) return { problem: firstFaultIn(content, compiled) ?? 'it is not a test file' };
  return {
    entities: (content.entities ?? []).map(entityOf),
    context: jsonMembers(content.context),
    resources: new Map(Object.entries(content.resources ?? {}).map(([key, value]) => [key, entityOf(value)])),
    tests: content.tests,
  };
}

const uidText = /^((?:[A-Za-z_][A-Za-z0-9_]*::)*[A-Za-z_][A-Za-z0-9_]*)::("(?:[^"\\]|\\.)*")$/;

/** Reads `Person::"person:anna"`; undefined for any other text. */
export function readUid(text: string): EntityUid | undefined {
  const [, type, quoted] = uidText.exec(text) ?? [];
  if (type === undefined || quoted === undefined) return undefined;
  try {
    return { type, id: JSON.parse(quoted) as string };
  } catch {
    return undefined;
  }
}

function entityOf({ uid, attrs, parents }: Static<typeof entity>): EntityInput {
  return { uid, attrs: jsonMembers(attrs), parents: parents ?? [] };
}

/** The members of a parsed JSON object. */
export function jsonMembers(members: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, Json>> {
  return (members ?? {}) as Readonly<Record<string, Json>>;
}
