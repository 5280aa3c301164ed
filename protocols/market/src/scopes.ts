import { accept, type Parsed, refuse } from './parsed.ts';

/**
 * - `reading`: changes nothing.
 *
 * - `cancelling`: withdraws something not executed; needs no intent.
 *
 * - `dealing`: orders and quotes, by traders and certified algorithms.
 *
 * - `settling`: post-trade steps and asset movements.
 *
 * - `approving`: submits a signed approval, or decides a step that needs one.
 *
 * - `control`: mandates, policies, keys and people.
 */
export const scopeKinds = ['reading', 'cancelling', 'dealing', 'settling', 'approving', 'control'] as const;
export type ScopeKind = (typeof scopeKinds)[number];

/** A scope selects the endpoint; authorization details state exactly what is requested. */
const vocabulary = {
  order: {
    create: 'dealing',
    cancel: 'cancelling',
    read: 'reading',
    approve: 'approving',
  },
  rfq: { create: 'dealing', respond: 'dealing', accept: 'dealing' },
  trade: { read: 'reading', affirm: 'settling', bust: 'settling' },
  allocation: { propose: 'settling', approve: 'approving', giveup: 'settling' },
  settlement: {
    instruct: 'settling',
    affirm: 'settling',
    release: 'settling',
    cancel: 'cancelling',
    read: 'reading',
  },
  margin: { pledge: 'settling', recall: 'settling' },
  collateral: { transfer: 'settling', approve: 'approving' },
  'withdrawal-address': { propose: 'settling', approve: 'approving', revoke: 'cancelling' },
  withdrawal: { request: 'settling', approve: 'approving', release: 'settling' },
  report: { submit: 'settling', correct: 'settling', read: 'reading' },
  mandate: { grant: 'control', revoke: 'control', read: 'reading' },
  partner: { register: 'control' },
  key: { rotate: 'control', revoke: 'control' },
  policy: { propose: 'control', approve: 'control', rollback: 'control', read: 'reading' },
  audit: { read: 'reading', disclose: 'control', export: 'control' },
  retention: { read: 'reading', propose: 'control', approve: 'control' },
  erasure: { propose: 'control', approve: 'control' },
  legalhold: { place: 'control', release: 'control' },
  breakglass: { read: 'reading' },
  // Interfaces of Countersign itself.
  directory: { apply: 'control', approve: 'control', read: 'reading' },
  compliance: { record: 'control' },
  reference: { record: 'control' },
  decision: { evaluate: 'control' },
  application: { write: 'control' },
  client: { register: 'control' },
  token: { revoke: 'control' },
  revocation: { lift: 'control', read: 'reading' },
  exception: { read: 'reading', resolve: 'control' },
  event: { read: 'reading', subscribe: 'control' },
  signal: { subscribe: 'control' },
  identity: { provision: 'control', read: 'reading' },
  authenticator: { invite: 'control', read: 'reading', revoke: 'control' },
  account: { lock: 'control', unlock: 'control' },
  session: { read: 'reading', end: 'control' },
  device: { enrol: 'control', read: 'reading', report: 'control' },
  recovery: { open: 'control', read: 'reading' },
  certificate: { issue: 'control', revoke: 'control', read: 'reading' },
  authority: { propose: 'control', approve: 'control' },
  secret: { use: 'control', read: 'reading', revoke: 'control', propose: 'control', approve: 'control' },
  halt: { trip: 'control', release: 'control', approve: 'control', read: 'reading' },
  workload: { propose: 'control', approve: 'control', suspend: 'control', attest: 'control', read: 'reading' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, ScopeKind>>>>;

type Vocabulary = typeof vocabulary;
export type Scope = {
  [Object in keyof Vocabulary]: `${Object}:${keyof Vocabulary[Object] & string}`;
}[keyof Vocabulary];

const kinds: ReadonlyMap<string, ScopeKind> = new Map(
  Object.entries(vocabulary).flatMap(([object, verbs]) =>
    Object.entries(verbs).map(([verb, kind]): [string, ScopeKind] => [`${object}:${verb}`, kind]),
  ),
);

// The keys of the literal.
export const scopes: readonly Scope[] = [...kinds.keys()] as Scope[];

export function kindOfScope(scope: Scope): ScopeKind {
  const kind = kinds.get(scope);
  if (kind === undefined) throw new Error(`a scope outside the vocabulary: ${scope}`);
  return kind;
}

/**
 * Such a scope needs an intent or step with its mandate and transaction; without them, a token can only read and
 * cancel.
 */
export function changesMarket(scope: Scope): boolean {
  const kind = kindOfScope(scope);
  return kind === 'dealing' || kind === 'settling';
}

/** Control scopes without approval or administration: receiving events, asking for decisions, using credentials. */
const forEveryProgram: ReadonlySet<Scope> = new Set<Scope>([
  'decision:evaluate',
  'event:subscribe',
  'signal:subscribe',
  'secret:use',
]);

/** Whether an algorithm may hold the scope. Algorithms deal, take steps, cancel and read; they never approve or administer. */
export function isForAlgorithms(scope: Scope): boolean {
  const kind = kindOfScope(scope);
  return (kind !== 'approving' && kind !== 'control') || forEveryProgram.has(scope);
}

/**
 * Granted only to a signed-in person. Not `compliance:record`: software repeats screenings, and the interface checks
 * which findings it may not relax.
 */
export const personScopes: ReadonlySet<Scope> = new Set<Scope>([
  'partner:register',
  'key:rotate',
  'key:revoke',
  'policy:propose',
  'policy:approve',
  'policy:rollback',
  'audit:disclose',
  'audit:export',
  'retention:propose',
  'retention:approve',
  'erasure:propose',
  'erasure:approve',
  'legalhold:place',
  'legalhold:release',
  'directory:apply',
  'directory:approve',
  'revocation:lift',
  'exception:resolve',
  'authenticator:invite',
  'account:unlock',
  'recovery:open',
  'authority:propose',
  'authority:approve',
  'secret:propose',
  'secret:approve',
  'workload:propose',
  'workload:approve',
  // Software may trip a halt, but only people release it.
  'halt:release',
  'halt:approve',
]);

export function isScope(text: unknown): text is Scope {
  return typeof text === 'string' && kinds.has(text);
}

const maxLength = 4096;
const generic = /\*|admin|(?:^|[^a-z])(?:all|any|everything|full|root|super|superuser|trading)(?:[^a-z]|$)/i;

/**
 * RFC 6749 section 3.3: known scopes separated by one space, at most 4,096 characters.
 *
 * A generic scope (`admin_all`, `order:*`) is refused with its own code. Callers remove OpenID Connect's scopes first.
 */
export function parseScope(text: unknown): Parsed<ReadonlySet<Scope>, 'scope_unknown' | 'scope_generic'> {
  if (typeof text !== 'string' || text.length > maxLength)
    return refuse('scope_unknown', `A scope parameter is text of at most ${maxLength} characters.`);
  const tokens = text === '' ? [] : text.split(' ');
  const unknownFields = tokens.filter((token) => !isScope(token));
  const tooBroad = unknownFields.find((token) => generic.test(token));
  if (tooBroad !== undefined)
    return refuse(
      'scope_generic',
      `${quote(tooBroad)} stands for many rights. Ask for each one, as verb and object: order:create.`,
    );
  const firstOutside = unknownFields[0];
  if (firstOutside !== undefined)
    return refuse(
      'scope_unknown',
      `${quote(firstOutside)} is not a scope. Scopes are an object and a verb with one space between them: order:create order:read.`,
    );
  return accept(new Set(tokens.filter(isScope)));
}

export function formatScope(scopeSet: Iterable<Scope>): string {
  return [...new Set(scopeSet)].sort().join(' ');
}

function quote(token: string): string {
  return /^[\x21-\x7e]{1,64}$/.test(token) ? `"${token}"` : 'What was asked for';
}

/** Duties that one token must never combine, because one checks the other. */
const separateDuties: readonly (readonly [readonly Scope[], readonly Scope[]])[] = [
  [['order:create'], ['order:approve']],
  [['allocation:propose'], ['allocation:approve']],
  [['collateral:transfer'], ['collateral:approve']],
  [['withdrawal-address:propose'], ['withdrawal-address:approve']],
  [['withdrawal:request'], ['withdrawal:approve', 'withdrawal:release']],
  [['directory:apply', 'compliance:record', 'reference:record', 'partner:register'], ['directory:approve']],
  // The person who registers a firm must not record its compliance findings.
  [['directory:apply'], ['compliance:record']],
  [['policy:propose'], ['policy:approve']],
  // The person who revokes must not lift the revocation.
  [['token:revoke'], ['revocation:lift']],
  [['legalhold:place'], ['legalhold:release']],
  [['retention:propose'], ['retention:approve']],
  [['erasure:propose'], ['erasure:approve']],
  [['authority:propose'], ['authority:approve']],
  [['secret:propose'], ['secret:approve']],
  [['workload:propose'], ['workload:approve']],
  [['halt:trip', 'halt:release'], ['halt:approve']],
  // Nobody who halts trading takes part in the release.
  [['halt:trip'], ['halt:release']],
];

export const secondPersonScopes: ReadonlySet<string> = new Set(separateDuties.flatMap(([, checking]) => checking));

/** A token never holds `propose` and `approve` for one object; `pair` names the two conflicting scopes. */
export function checkSeparation(scopeSet: ReadonlySet<Scope>):
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly code: 'scope_duties_combined';
      readonly detail: string;
      readonly pair: readonly [Scope, Scope];
    } {
  for (const [doing, checking] of separateDuties) {
    const does = doing.find((scope) => scopeSet.has(scope));
    const checks = checking.find((scope) => scopeSet.has(scope));
    if (does !== undefined && checks !== undefined)
      return {
        ok: false,
        code: 'scope_duties_combined',
        detail: `${does} and ${checks} check each other. Request them in two tokens for two principals.`,
        pair: [does, checks],
      };
  }
  return { ok: true };
}

/** A stolen bearer token would reveal only what its holder can see. Not `audit:read`: evidence covers everyone. */
export const bearerScopes: ReadonlySet<Scope> = new Set<Scope>([
  'order:read',
  'trade:read',
  'settlement:read',
  'report:read',
  'mandate:read',
  'directory:read',
]);

/** The scopes for which a token must be bound to its holder's key: all but {@link bearerScopes}. */
export const marketScopes: ReadonlySet<Scope> = new Set(scopes.filter((scope) => !bearerScopes.has(scope)));

/** Whether the parent holds every scope of the child. */
export function scopesSubset(child: ReadonlySet<Scope>, parent: ReadonlySet<Scope>): boolean {
  for (const scope of child) if (!parent.has(scope)) return false;
  return true;
}
