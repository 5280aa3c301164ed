import { recordToJson } from '@countersign/cedar';
import type { DecisionReason } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import type { PolicyNotes } from '../bundle/annotations.ts';
import type { Question } from './question.ts';

const placeholder = /\{(context|resource)\.([A-Za-z_][A-Za-z0-9_.]*)\}/g;
const maxShown = 64;

/**
 * The reason of a forbid, with the placeholders `{context.…}` and `{resource.…}` replaced by the facts. A path follows entities as
 * in a policy: `{resource.account.institution.country}`.
 */
export function wordsFor({ reason, detail }: PolicyNotes, question: Question): DecisionReason {
  if (!detail.includes('{')) return { code: reason, detail };
  const { context, resource } = question;
  const roots = { context, resource: { __entity: { type: resource.type, id: resource.id } } };
  return {
    code: reason,
    detail: detail.replace(placeholder, (_, root: 'context' | 'resource', path: string) =>
      shown(
        path.split('.').reduce<unknown>((value, name) => memberOf(attributesOf(value, question), name), roots[root]),
      ),
    ),
  };
}

/** The attributes of a reference to an entity; any other value unchanged. */
function attributesOf(value: unknown, { local, shared }: Question): unknown {
  const entity = memberOf(value, '__entity');
  const [type, id] = [memberOf(entity, 'type'), memberOf(entity, 'id')];
  if (typeof type !== 'string' || typeof id !== 'string') return value;
  const own = local.find(({ uid }) => uid.type === type && uid.id === id);
  if (own !== undefined) return own.attrs;
  const found = shared.find({ type, id });
  return found === undefined ? undefined : recordToJson(found.attributes);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, Json>>)[name]
    : undefined;
}

/** A readable value: a decimal or a time without its JSON wrapping, an entity by its id. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, maxShown);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const extension = memberOf(memberOf(value, '__extn'), 'arg');
  if (typeof extension === 'string') return extension.slice(0, maxShown);
  const entity = memberOf(memberOf(value, '__entity'), 'id');
  if (typeof entity === 'string') return entity.slice(0, maxShown);
  return Array.isArray(value) && value.length > 0 ? value.slice(0, 8).map(shown).join(', ') : 'none';
}
