import { accept, type Parsed, refuse } from './parsed.ts';

/**
 * What a scope lets its holder do.
 *
 * - `reading`: see, and change nothing.
 * - `cancelling`: take back what has not happened yet. It reduces risk, so it stays possible without an intent.
 * - `dealing`: orders and quotes. Only traders and certified algorithms begin these.
 * - `settling`: whatever else changes something in a market: what follows a trade, and assets that move.
 * - `approving`: bring the signed approval of a person, or decide a step that waits for one.
 * - `control`: the control plane itself: mandates, policies, keys, people.
 */
export const scopeKinds = ['reading', 'cancelling', 'dealing', 'settling', 'approving', 'control'] as const;
export type ScopeKind = (typeof scopeKinds)[number];

/**
 * Object to verbs, with the kind of each: every scope there is. A scope says which endpoint; authorization details say
 * what exactly. An interface of the control plane asks for each of them: a test of the server walks this list.
 */
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
  // Doors of Countersign itself.
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
} as const satisfies Readonly<Record<string, Readonly<Record<string, ScopeKind>>>>;

type Vocabulary = typeof vocabulary;
/** Business verb and object, e.g. `order:create`. */
export type Scope = {
  [Object in keyof Vocabulary]: `${Object}:${keyof Vocabulary[Object] & string}`;
}[keyof Vocabulary];

const kinds: ReadonlyMap<string, ScopeKind> = new Map(
  Object.entries(vocabulary).flatMap(([object, verbs]) =>
    Object.entries(verbs).map(([verb, kind]): [string, ScopeKind] => [`${object}:${verb}`, kind]),
  ),
);

/** The whole vocabulary, in the order of a trade's life. */
export const scopes: readonly Scope[] = [...kinds.keys()] as Scope[];

/** What kind of scope it is, as the vocabulary declares it. */
export function kindOfScope(scope: Scope): ScopeKind {
  const kind = kinds.get(scope);
  if (kind === undefined) throw new Error(`a scope outside the vocabulary: ${scope}`);
  return kind;
}

/**
 * Whether it changes something in a market. A token holds such a scope only together with the authorization detail of an
 * intent or a step, its mandate and its transaction; without them there is only reading and cancelling.
 */
export function changesMarket(scope: Scope): boolean {
  const kind = kindOfScope(scope);
  return kind === 'dealing' || kind === 'settling';
}

/** Control scopes by which nothing is approved or governed: a program listens, and asks what is permitted. */
const forEveryProgram: ReadonlySet<Scope> = new Set<Scope>([
  'decision:evaluate',
  'event:subscribe',
  'signal:subscribe',
]);

/** Whether an algorithm may hold it: it deals, takes steps, cancels and reads. Approving and governing is not for algorithms. */
export function isForAlgorithms(scope: Scope): boolean {
  const kind = kindOfScope(scope);
  return (kind !== 'approving' && kind !== 'control') || forEveryProgram.has(scope);
}

/**
 * Governing acts: nobody but a person who has signed in is given these. What reduces risk is not among them, nor is
 * `compliance:record`: a screening is repeated by software, and what it may not ease is checked where it is recorded.
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
]);

export function isScope(text: unknown): text is Scope {
  return typeof text === 'string' && kinds.has(text);
}

const maxLength = 4096;
const generic = /\*|admin|(?:^|[^a-z])(?:all|any|everything|full|root|super|superuser|trading)(?:[^a-z]|$)/i;

/**
 * Reads a scope parameter (RFC 6749 section 3.3): scopes of the vocabulary, one space between them, at most
 * 4,096 characters; empty text is the empty set. A scope that would stand for many (`admin_all`,
 * `full_trade_access`, `order:*`) is refused as such, whatever else is asked for.
 *
 * OpenID Connect's own scopes (`openid` and others) are not part of this vocabulary: whoever offers them
 * takes them out first.
 */
export function parseScope(text: unknown): Parsed<ReadonlySet<Scope>, 'scope_unknown' | 'scope_generic'> {
  if (typeof text !== 'string' || text.length > maxLength)
    return refuse('scope_unknown', `A scope parameter is text of at most ${maxLength} characters.`);
  const tokens = text === '' ? [] : text.split(' ');
  const strangers = tokens.filter((token) => !isScope(token));
  const tooBroad = strangers.find((token) => generic.test(token));
  if (tooBroad !== undefined)
    return refuse(
      'scope_generic',
      `${quote(tooBroad)} stands for many rights. Ask for each one, as verb and object: order:create.`,
    );
  const stranger = strangers[0];
  if (stranger !== undefined)
    return refuse(
      'scope_unknown',
      `${quote(stranger)} is not a scope. Scopes are an object and a verb with one space between them: order:create order:read.`,
    );
  return accept(new Set(tokens.filter(isScope)));
}

/** The text of a set of scopes, sorted, so that one set has one text. */
export function formatScope(scopeSet: Iterable<Scope>): string {
  return [...new Set(scopeSet)].sort().join(' ');
}

/** What a stranger wrote may be repeated to him only where it is short and plain. */
function quote(token: string): string {
  return /^[\x21-\x7e]{1,64}$/.test(token) ? `"${token}"` : 'What was asked for';
}

/** Duties that two different tokens must hold, because each checks the other. */
const separateDuties: readonly (readonly [readonly Scope[], readonly Scope[]])[] = [
  [['order:create'], ['order:approve']],
  [['allocation:propose'], ['allocation:approve']],
  [['collateral:transfer'], ['collateral:approve']],
  [['withdrawal-address:propose'], ['withdrawal-address:approve']],
  [['withdrawal:request'], ['withdrawal:approve', 'withdrawal:release']],
  // A change that takes two people has one who asks for it and one who lets it through.
  [['directory:apply', 'compliance:record', 'reference:record', 'partner:register'], ['directory:approve']],
  // Whoever says who a firm is does not say that it is clean.
  [['directory:apply'], ['compliance:record']],
  [['policy:propose'], ['policy:approve']],
  // Who revokes does not let it be used again.
  [['token:revoke'], ['revocation:lift']],
  [['legalhold:place'], ['legalhold:release']],
  [['retention:propose'], ['retention:approve']],
  [['erasure:propose'], ['erasure:approve']],
];

/** The scopes of whoever comes second: they let through what somebody else has asked for. */
export const secondPersonScopes: ReadonlySet<string> = new Set(separateDuties.flatMap(([, checking]) => checking));

/**
 * Does a set of scopes keep duties apart? A token holds `propose` or `approve` of one object, never both;
 * `pair` names the two that may not meet.
 */
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
        detail: `${does} and ${checks} check each other: ask for them in two tokens, held by two principals.`,
        pair: [does, checks],
      };
  }
  return { ok: true };
}

/**
 * The few scopes that a bearer token may carry: a stolen one would show what its holder could see anyway and
 * change nothing. `audit:read` is not among them, since evidence tells of everyone.
 */
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

/** Narrowing of scopes: is every one of the child's also the parent's? */
export function scopesSubset(child: ReadonlySet<Scope>, parent: ReadonlySet<Scope>): boolean {
  for (const scope of child) if (!parent.has(scope)) return false;
  return true;
}
