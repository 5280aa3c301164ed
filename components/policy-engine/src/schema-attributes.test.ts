import type { RecordType, ValueType } from '@countersign/cedar';
import { beforeAll, describe, expect, it } from 'vitest';
import { type LoadedBundle, loadBundle } from './bundle/load-bundle.ts';
import { readBundleFolder } from './bundle/read-folder.ts';

/**
 * Attributes that no shipped policy reads, with the reason for keeping each. Any other unread attribute must be removed,
 * because a policy author would assume that it has an effect.
 */
const unread: Readonly<Record<string, string>> = {
  'Device.holder': 'with the decision: whose device it was',
  'Device.institution': 'as Device.holder',
  'Resource.institution': 'with the decision: whose interface it was',
  'Transaction.parties': 'with the decision: of whom the gates were asked beside who acts',
  'Mandate.version': 'with the decision: under which version of the mandate it was made',
  'Transaction.initiator': 'the verifier of evidence compares it with the record that opened the transaction',
  'Transaction.mandate': 'the verifier of evidence compares it with the mandate of the record',
  'Transaction.notional': 'the verifier of evidence compares it with the intent',
  'Transaction.currency': 'the verifier of evidence compares it with the intent',
  'Transaction.quantity': 'the verifier of evidence compares it with the intent',
  'Transaction.rate': 'with the decision: by which rate, of which source and time, the worth was counted',
  'Transaction.rate.rate': 'as Transaction.rate',
  'Transaction.rate.base': 'as Transaction.rate',
  'Transaction.rate.source': 'as Transaction.rate',
  'Transaction.rate.asOf': 'as Transaction.rate',
  'Transaction.approvals.certified':
    'with the decision, and for policies of a firm that ask for approvals by certificate',
  'Transaction.approvals.certified.compliance': 'as Transaction.approvals.certified',
  'Transaction.approvals.certified.desk_head': 'as Transaction.approvals.certified',
  'Transaction.approvals.certified.operations': 'as Transaction.approvals.certified',
  'Transaction.approvals.certified.risk': 'as Transaction.approvals.certified',
  'Transaction.approvals.certified.supervisor': 'as Transaction.approvals.certified',
  'context.amr': 'with the decision, and for policies of a firm that ask for a method (RFC 8176)',
  'context.audience': 'the verifier of evidence compares it with the token',
  'context.client': 'the verifier of evidence compares it with the token',
  'context.institution': 'the verifier of evidence compares it with the token',
  'context.step.transaction': 'the verifier of evidence compares it with the transaction',
  'context.workload.environment': 'with the decision: in which environment the workload ran',
  'context.workload.image': 'with the decision: which image the workload ran',
  'context.workload.level': 'the registration entry compares it with the level that the profile demands',
};

type Typed = ValueType | undefined;

let loaded: LoadedBundle;
beforeAll(async () => {
  loaded = loadBundle(await readBundleFolder(new URL('../policies/', import.meta.url)));
});

/** Names of everything that the schema declares: `Type.attribute`, and members of records below it. */
function declared(): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (owner: string, { attributes }: RecordType): void => {
    for (const [name, { type }] of attributes) {
      names.add(`${owner}.${name}`);
      const inner = type.kind === 'set' ? type.element : type;
      if (inner.kind === 'record') add(`${owner}.${name}`, inner);
    }
  };
  for (const [type, { attributes }] of loaded.parsed.schema.entityTypes) add(type, attributes);
  for (const { context } of loaded.parsed.schema.applications.values()) add('context', context);
  return names;
}

/** The declared names that the conditions and texts of the policies read. */
function read(): ReadonlySet<string> {
  const names = new Set<string>();
  const { entityTypes, applications } = loaded.parsed.schema;
  interface Place {
    readonly name: string;
    readonly record: RecordType;
  }
  const placesOf = (name: string, type: Typed): readonly Place[] => {
    if (type?.kind === 'record') return [{ name, record: type }];
    const entity = type?.kind === 'entity' ? entityTypes.get(type.type) : undefined;
    return type?.kind === 'entity' && entity !== undefined ? [{ name: type.type, record: entity.attributes }] : [];
  };
  const variables: Readonly<Record<string, readonly Place[]>> = {
    principal: ['Person', 'Service', 'Agent'].flatMap((type) => placesOf('', { kind: 'entity', type })),
    resource: ['Resource', 'Transaction'].flatMap((type) => placesOf('', { kind: 'entity', type })),
    context: [...applications.values()].slice(0, 1).map(({ context }) => ({ name: 'context', record: context })),
  };
  const member = (places: readonly Place[], attr: string): readonly Place[] =>
    places.flatMap(({ name, record }) => {
      const found = record.attributes.get(attr);
      if (found === undefined) return [];
      names.add(`${name}.${attr}`);
      return placesOf(`${name}.${attr}`, found.type);
    });
  const walk = (node: unknown): readonly Place[] => {
    if (typeof node !== 'object' || node === null) return [];
    if (Array.isArray(node)) return node.flatMap(walk).slice(0, 0);
    const expression = node as Readonly<Record<string, unknown>>;
    const { Var: variable, Value: value } = expression;
    if (typeof variable === 'string') return variables[variable] ?? [];
    const named = (value as { readonly __entity?: { readonly type: string } } | undefined)?.__entity;
    if (named !== undefined) return placesOf('', { kind: 'entity', type: named.type });
    const access = (expression['.'] ?? expression['has']) as { left: unknown; attr: string } | undefined;
    if (access !== undefined) return member(walk(access.left), access.attr);
    for (const part of Object.values(expression)) walk(part);
    return [];
  };
  for (const { id, json } of loaded.parsed.policies) {
    walk(json);
    for (const [, path = ''] of (loaded.notes(id).detail ?? '').matchAll(/\{([^}]+)\}/g)) {
      const [first = '', ...rest] = path.split('.');
      let places = variables[first] ?? [];
      for (const attr of rest) places = member(places, attr);
    }
  }
  return names;
}

describe('the schema of the shipped policies', () => {
  it('declares exactly what a policy reads and what is listed here with its reason', () => {
    const wasRead = read();
    const left = [...declared()].filter((name) => !wasRead.has(name)).sort();
    expect(left).toEqual(Object.keys(unread).sort());
  });
});
