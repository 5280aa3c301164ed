import type { ComplianceFinding, DirectoryEdit } from '@countersign/contracts';
import type { KeyCache } from '@countersign/oauth';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Wanted } from './changes.ts';
import { entityReaders } from './entities/index.ts';
import { type Entry, type Graph, keyOf } from './entry.ts';
import { withoutPrincipals } from './leavers.ts';
import type { Place } from './problems.ts';

const strict = { additionalProperties: false } as const;

/** The kinds that can be put singly, with their member names in an edit. */
const puttable = ['clients', 'people', 'desks', 'instruments', 'rates'] as const;
const kindOfList = {
  clients: 'client',
  people: 'person',
  desks: 'desk',
  instruments: 'instrument',
  rates: 'rate',
} as const;

const removals = Type.Optional(
  Type.Array(
    Type.Object(
      {
        kind: Type.Enum(['client', 'person', 'service', 'agent', 'desk']),
        id: Type.String({ minLength: 1, maxLength: 128 }),
      },
      strict,
    ),
    { maxItems: 1_000, description: 'A principal is removed with its credentials and clients.' },
  ),
);

/** A change of single entities. Each document is checked by itself and reported at its place. */
export const editSchema = Type.Object(
  {
    put: Type.Optional(
      Type.Object(
        {
          clients: Type.Optional(Type.Array(entityReaders.client.schema, { maxItems: 1_000 })),
          people: Type.Optional(Type.Array(entityReaders.person.schema, { maxItems: 1_000 })),
          desks: Type.Optional(Type.Array(entityReaders.desk.schema, { maxItems: 1_000 })),
        },
        strict,
      ),
    ),
    remove: removals,
  },
  strict,
);

/** Findings of compliance; each is checked at its place. */
const findings = Type.Optional(
  Type.Array(Type.Object({ institution: Type.String({ maxLength: 20 }), compliance: Type.Unknown() }, strict), {
    maxItems: 1_000,
  }),
);
const unread = Type.Optional(Type.Array(Type.Unknown(), { maxItems: 1_000 }));

/** The minimum that can be read as an edit. */
export const editEnvelope = Type.Object(
  {
    put: Type.Optional(
      Type.Object(
        { clients: unread, people: unread, desks: unread, instruments: unread, rates: unread, findings },
        strict,
      ),
    ),
    remove: removals,
  },
  strict,
);
const envelope = Compile(editEnvelope);

export function readEdit(input: DirectoryEdit, root: Place, seed: Graph, keys: KeyCache): Wanted {
  if (!envelope.Check(input)) {
    for (const { instancePath, message } of envelope.Errors(input))
      root.at(...instancePath.split('/').slice(1)).report('directory_file_invalid', `The value ${message}.`);
    return { entries: [], removes: () => false };
  }
  const asked = new Map<string, Entry>();
  for (const list of puttable) {
    const kind = kindOfList[list];
    for (const [index, document] of (input.put?.[list] ?? []).entries()) {
      const place = root.at('put', list, index);
      const entry = entityReaders[kind].read(document, place, keys);
      if (entry === undefined) continue;
      const key = keyOf(kind, entry.id);
      if (asked.has(key)) place.report('id_duplicate', `The edit contains another ${kind} with this id.`);
      asked.set(key, entry);
    }
  }
  const removed = new Set<string>();
  for (const [index, { kind, id }] of (input.remove ?? []).entries()) {
    const place = root.at('remove', index);
    const key = keyOf(kind, id);
    if (asked.has(key)) place.report('id_duplicate', `The edit both writes and removes this ${kind}.`);
    if (seed.has(key))
      place.report(
        'seed_protected',
        'This entity belongs to the installation and can only be changed in its configuration.',
      );
    removed.add(key);
  }
  const wanted = withoutPrincipals([...asked.values()], removed, keys);
  const found = input.put?.findings;
  return found === undefined ? wanted : { ...wanted, amends: amending(found, root.at('put', 'findings'), keys) };
}

/** Institutions with their new findings; everything else is as stored. */
function amending(found: readonly ComplianceFinding[], { path }: Place, keys: KeyCache): NonNullable<Wanted['amends']> {
  return (stored, problems) => {
    const amended = new Map<string, Entry>();
    for (const [index, { institution, compliance }] of found.entries()) {
      const place = problems.place(path).at(index);
      const key = keyOf('institution', institution);
      const before = stored.get(key);
      if (before === undefined)
        place.at('institution').report('reference_unknown', 'There is no institution with this LEI.');
      else if (amended.has(key))
        place.report('id_duplicate', 'The edit contains another finding about this institution.');
      else {
        const { compliance: _, ...document } = before.document;
        const written = compliance === null ? document : { ...document, compliance };
        const entry = entityReaders.institution.read(written, place, keys);
        if (entry !== undefined) amended.set(key, entry);
      }
    }
    return [...amended.values()];
  };
}
