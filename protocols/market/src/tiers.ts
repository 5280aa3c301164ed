import type { Scope } from './scopes.ts';

export const tiers = ['market-data', 'research', 'order-entry', 'approval', 'administration'] as const;
export type Tier = (typeof tiers)[number];

const verbsOf: Readonly<Record<Exclude<Tier, 'market-data' | 'administration'>, ReadonlySet<string>>> = {
  research: new Set(['read']),
  'order-entry': new Set([
    ...['create', 'cancel', 'respond', 'accept', 'affirm', 'propose', 'giveup', 'instruct'],
    ...['pledge', 'recall', 'transfer', 'request', 'submit', 'correct', 'subscribe', 'evaluate'],
  ]),
  approval: new Set(['approve', 'release', 'bust', 'grant', 'resolve']),
};
/** Objects of Countersign's own interfaces. Changing them needs the administration tier. */
const administered = new Set([
  ...[
    'authority',
    'secret',
    'certificate',
    'partner',
    'key',
    'policy',
    'audit',
    'retention',
    'erasure',
    'legalhold',
    'breakglass',
    'workload',
    'halt',
  ],
  ...[
    'directory',
    'reference',
    'client',
    'token',
    'revocation',
    'identity',
    'authenticator',
    'device',
    'recovery',
    'session',
    'account',
  ],
]);
const marketData: ReadonlySet<Scope> = new Set<Scope>(['order:read', 'trade:read', 'settlement:read']);

export function tierOfScope(scope: Scope): Tier {
  const [object = '', verb = ''] = scope.split(':');
  if (marketData.has(scope)) return 'market-data';
  if (verb === 'read') return 'research';
  if (administered.has(object)) return 'administration';
  if (verbsOf.approval.has(verb)) return 'approval';
  return verbsOf['order-entry'].has(verb) ? 'order-entry' : 'administration';
}

/** The strongest tier that any of the scopes needs; `market-data` for an empty set. */
export function tierOfScopes(scopes: Iterable<Scope>): Tier {
  let strongest = 0;
  for (const scope of scopes) strongest = Math.max(strongest, tiers.indexOf(tierOfScope(scope)));
  return tiers[strongest] ?? 'administration';
}
