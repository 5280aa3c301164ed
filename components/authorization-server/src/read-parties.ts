import { type Lei, parseLei } from '@countersign/market';

const maxParties = 16;
const maxInstitutions = 64;

/**
 * A configured list of those whom something goes to, each under a name of its own, with the institutions for which it
 * does; undefined when anything in it is not as it must be. What is read is frozen.
 *
 * @param how.by member that holds the name
 */
export function readParties<Party>(
  value: unknown,
  how: {
    readonly by: string;
    readonly accepts: (name: string) => boolean;
    readonly party: (name: string, institutions: readonly Lei[]) => Party;
  },
): readonly Party[] | undefined {
  if (!Array.isArray(value) || value.length > maxParties) return undefined;
  const parties = new Map<string, Party>();
  const items: readonly unknown[] = value;
  for (const item of items) {
    const members = new Map<string, unknown>(Object.entries(typeof item === 'object' && item !== null ? item : {}));
    const name = members.get(how.by);
    const institutions = readInstitutions(members.get('institutions'));
    if (members.size !== 2 || typeof name !== 'string' || !how.accepts(name) || parties.has(name)) return undefined;
    if (institutions === undefined) return undefined;
    parties.set(name, Object.freeze(how.party(name, institutions)));
  }
  return Object.freeze([...parties.values()]);
}

function readInstitutions(value: unknown): readonly Lei[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxInstitutions) return undefined;
  const institutions: Lei[] = [];
  const items: readonly unknown[] = value;
  for (const item of items) {
    const lei = parseLei(item);
    if (!lei.ok) return undefined;
    institutions.push(lei.value);
  }
  return Object.freeze(institutions);
}
