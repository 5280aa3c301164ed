import { accept, type Parsed, refuse } from './parsed.ts';

/** Object to verbs: every scope there is. A scope says which endpoint; authorization details say what exactly. */
const vocabulary = {
  order: ['create', 'amend', 'cancel', 'read', 'approve', 'mass-cancel', 'force-execute'],
  rfq: ['create', 'respond', 'accept'],
  quote: ['stream'],
  trade: ['read', 'affirm', 'bust'],
  allocation: ['propose', 'approve', 'giveup'],
  settlement: ['instruct', 'affirm', 'release', 'cancel', 'read'],
  margin: ['call', 'pledge', 'recall'],
  collateral: ['transfer', 'substitute', 'approve'],
  'withdrawal-address': ['propose', 'approve', 'revoke'],
  withdrawal: ['request', 'approve', 'release'],
  report: ['submit', 'correct', 'read'],
  mandate: ['grant', 'revoke', 'read'],
  model: ['register', 'certify', 'suspend'],
  partner: ['register', 'approve', 'rotate-key'],
  key: ['generate', 'rotate', 'revoke', 'recover'],
  policy: ['propose', 'approve', 'publish', 'rollback', 'read'],
  killswitch: ['arm', 'trip', 'release'],
  audit: ['read', 'disclose', 'export', 'verify'],
  retention: ['read', 'propose', 'approve'],
  erasure: ['propose', 'approve'],
  legalhold: ['place', 'release'],
  breakglass: ['invoke', 'review', 'read'],
  // Doors of Countersign itself.
  directory: ['apply', 'approve', 'read'],
  decision: ['evaluate'],
  client: ['register'],
  token: ['revoke'],
  exception: ['read', 'resolve'],
  event: ['read', 'subscribe'],
  signal: ['subscribe'],
  identity: ['provision', 'read'],
  authenticator: ['invite', 'read', 'revoke'],
  account: ['lock', 'unlock'],
  session: ['read', 'end'],
  device: ['enrol', 'read', 'report'],
  recovery: ['open', 'read'],
} as const;

type Vocabulary = typeof vocabulary;
/** Business verb and object, e.g. `order:create`. */
export type Scope = { [Object in keyof Vocabulary]: `${Object}:${Vocabulary[Object][number]}` }[keyof Vocabulary];

/** The whole vocabulary, in the order of a trade's life. */
export const scopes: readonly Scope[] = Object.entries(vocabulary).flatMap(([object, verbs]) =>
  verbs.map((verb) => `${object}:${verb}` as Scope),
);
const known: ReadonlySet<string> = new Set(scopes);

export function isScope(text: unknown): text is Scope {
  return typeof text === 'string' && known.has(text);
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
  [['order:create', 'order:amend'], ['order:approve']],
  [['allocation:propose'], ['allocation:approve']],
  [['collateral:transfer', 'collateral:substitute'], ['collateral:approve']],
  [['withdrawal-address:propose'], ['withdrawal-address:approve']],
  [['withdrawal:request'], ['withdrawal:approve', 'withdrawal:release']],
  [['partner:register'], ['partner:approve']],
  // A change of a production client has two people: who asks for it and who lets it through.
  [['directory:apply'], ['directory:approve']],
  // Developers do not certify their own model.
  [['model:register'], ['model:certify']],
  [['policy:propose'], ['policy:approve', 'policy:publish']],
  [['policy:approve'], ['policy:publish']],
  // Who stops trading does not let it go on.
  [['killswitch:arm', 'killswitch:trip'], ['killswitch:release']],
  [['legalhold:place'], ['legalhold:release']],
  [['retention:propose'], ['retention:approve']],
  [['erasure:propose'], ['erasure:approve']],
  [['breakglass:invoke'], ['breakglass:review']],
];

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
 * change nothing. `audit:read` is not among them, since evidence tells of everyone, nor is `quote:stream`,
 * whose quotes can be dealt on.
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
