import { type Json, membersOf } from '@countersign/kernel';
import type { LoadedBundle } from '@countersign/server';
import { type DiffLine, diffLines } from './text-diff.ts';

export type Bundle = LoadedBundle['bundle'];
export type Model = NonNullable<Bundle['applications']>[number];

/** One side of a comparison: a bundle and its individual policies. */
export interface Side {
  readonly bundle: Bundle;
  readonly policies: readonly { readonly id: string; readonly effect: string; readonly text: string }[];
}

export interface Difference {
  readonly change: 'add' | 'change' | 'remove';
  /** The kind: `permit`, `forbid`, `schema`, `entity`, `limit`, `rate`, `test`, `shared`. */
  readonly kind: string;
  readonly id: string;
  readonly lines: readonly DiffLine[];
}

/** A version that is or was active. Policies of models are compared file by file, not among those of the market. */
export function sideOfVersion({
  bundle,
  version,
}: {
  readonly bundle: Bundle;
  readonly version: { readonly policies: Side['policies'] };
}): Side {
  const models = new Set((bundle.applications ?? []).map(({ namespace }) => namespace));
  return { bundle, policies: version.policies.filter(({ id }) => !models.has(id.split('::')[0] ?? '')) };
}

interface Item {
  readonly kind: string;
  readonly text: string;
  /** The text is shown only if it changes. */
  readonly brief?: boolean;
}

/** The differences between two bundles: policies by id and data by name, whichever file contains them. */
export function compareBundles(before: Side, after: Side): readonly Difference[] {
  return [
    ...differencesOf(schemaOf(before), schemaOf(after)),
    ...differencesOf(policiesOf(before), policiesOf(after)),
    ...differencesOf(entitiesOf(before), entitiesOf(after)),
    ...differencesOf(limitsOf(before), limitsOf(after)),
    ...differencesOf(ratesOf(before), ratesOf(after)),
    ...differencesOf(testsOf(before), testsOf(after)),
    ...differencesOf(modelsOf(before), modelsOf(after)),
  ];
}

export function countChanges(differences: readonly Difference[]): {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
} {
  const count = (change: Difference['change']): number =>
    differences.filter((difference) => difference.change === change).length;
  return { added: count('add'), changed: count('change'), removed: count('remove') };
}

function differencesOf(before: ReadonlyMap<string, Item>, after: ReadonlyMap<string, Item>): readonly Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((id): readonly Difference[] => {
    const [old, now] = [before.get(id), after.get(id)];
    const kind = now?.kind ?? old?.kind ?? '';
    const lines = diffLines(old?.text ?? '', now?.text ?? '');
    if (lines.length === 0 && old !== undefined && now !== undefined) return [];
    const change = old === undefined ? 'add' : now === undefined ? 'remove' : 'change';
    return [{ change, kind, id, lines: change !== 'change' && (now ?? old)?.brief === true ? [] : lines }];
  });
}

/** One item for each file in the bundle's folder. */
function modelsOf({ bundle }: Side): ReadonlyMap<string, Item> {
  return new Map(
    (bundle.applications ?? []).flatMap(
      ({ schema, policies, entities, tests, authorizationDetails, ...described }): [string, Item][] => {
        const folder = `applications/${described.namespace}/`;
        return [
          [`${folder}model.json`, { kind: 'model', text: pretty(described) }],
          [`${folder}schema.cedarschema`, { kind: 'model', text: schema }],
          ...policies.map(({ file, text }): [string, Item] => [`${folder}${file}`, { kind: 'model', text }]),
          [`${folder}entities.json`, { kind: 'model', text: pretty(entities) }],
          ...(authorizationDetails === undefined
            ? []
            : [
                [
                  `${folder}authorization-details.json`,
                  { kind: 'model', text: pretty(authorizationDetails) },
                ] satisfies [string, Item],
              ]),
          ...tests.map(({ file, content }): [string, Item] => [
            `${folder}tests/${file}`,
            { kind: 'model', text: pretty(content), brief: true },
          ]),
        ];
      },
    ),
  );
}

function schemaOf({ bundle }: Side): ReadonlyMap<string, Item> {
  return new Map([['schema.cedarschema', { kind: 'schema', text: bundle.schema }]]);
}

function policiesOf({ policies }: Side): ReadonlyMap<string, Item> {
  return new Map(policies.map(({ id, effect, text }) => [id, { kind: effect, text }]));
}

function entitiesOf({ bundle }: Side): ReadonlyMap<string, Item> {
  return new Map(bundle.entities.map((entity) => [nameOf(entity), { kind: 'entity', text: pretty(entity) }]));
}

function limitsOf({ bundle }: Side): ReadonlyMap<string, Item> {
  return new Map(bundle.limits.map((limit) => [String(memberOf(limit, 'id')), { kind: 'limit', text: pretty(limit) }]));
}

function ratesOf({ bundle }: Side): ReadonlyMap<string, Item> {
  return new Map(Object.entries(bundle.rates).map(([pair, rate]) => [pair, { kind: 'rate', text: rate }]));
}

/** Test by test, and what the tests of a file share. A name says enough of what comes or goes. */
function testsOf({ bundle }: Side): ReadonlyMap<string, Item> {
  return new Map(
    bundle.tests.flatMap(({ file, content }): readonly [string, Item][] => {
      const { tests, ...shared } = membersOf(content) ?? {};
      const each: readonly Json[] = Array.isArray(tests) ? tests : [];
      return [
        [`tests/${file}`, { kind: 'shared', text: pretty(shared), brief: true }],
        ...each.map((test, index): [string, Item] => [
          `tests/${file}  ${String(memberOf(test, 'name') ?? index)}${timesBefore(each, index)}`,
          { kind: 'test', text: pretty(test), brief: true },
        ]),
      ];
    }),
  );
}

/** Numbers tests with the same name, so that one does not hide the other. */
function timesBefore(tests: readonly Json[], index: number): string {
  const name = memberOf(tests[index], 'name');
  const before = tests.slice(0, index).filter((test) => memberOf(test, 'name') === name).length;
  return before === 0 ? '' : ` (${before + 1})`;
}

function nameOf(entity: Json): string {
  const uid = memberOf(entity, 'uid');
  return `${String(memberOf(uid, 'type'))}::${JSON.stringify(memberOf(uid, 'id'))}`;
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return membersOf(value)?.[name];
}

function pretty(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}
