import { digestOf, type Json, parseId, sha256Base64Url } from '@countersign/kernel';
import { readDecision } from './decision-facts.ts';
import { Members, placeOf, RecordMalformed, readDigest, readRecordId } from './members.ts';

/** What checks read, by kind. Additional members are allowed: records outlive the programs that wrote them. */
const readers = {
  /** The intent is undefined if withheld; its digest is still present. */
  'transaction.opened': (data: Members, partly: boolean) => ({
    intent: partly ? undefined : data.value('intent'),
    intentType: data.text('intent_type'),
  }),
  'transaction.transitioned': (data: Members) => ({
    /** Undefined if the policies were not evaluated. */
    decision: data.has('decision') ? readDecision(data.object('decision')) : undefined,
    event: data.text('event'),
    from: data.text('from'),
    to: data.text('to'),
    version: data.count('version'),
    /** Undefined if withheld or absent. */
    body: data.all.body,
    bodyDigest: data.all.body_digest,
    /** The person who opened the transaction left, so the step has no body. */
    departure: data.all.cause === 'departure',
  }),
  'approval.given': (data: Members) => ({
    signed: readSignedApproval(data),
    key: data.object('key').all,
    role: data.text('role'),
  }),
  'decision.made': (data: Members) => {
    const evaluation = data.object('evaluation');
    return {
      decision: readDecision(data.object('decision')),
      asked: {
        subject: evaluation.object('subject').text('id'),
        action: evaluation.text('action'),
        resource: evaluation.object('resource').text('id'),
      },
    };
  },
  'token.issued': readIssue,
  'token.exchanged': (data: Members) => {
    const subjectToken = data.object('subject_token');
    return {
      ...readIssue(data),
      subjectToken: {
        jti: subjectToken.text('jti'),
        record: readRecordId(subjectToken, 'record'),
        claimsDigest: readDigest(subjectToken, 'claims_digest'),
      },
    };
  },
  'exception.resolved': (data: Members) => ({
    resolution: data.text('kind'),
    cause: data.text('cause'),
    /** Set if the resolution ended the transaction. */
    ending: data.has('to') ? { to: data.text('to'), version: data.count('version') } : undefined,
  }),
  /** Of each type in {@link mandateTypes}. */
  mandate: (data: Members, partly: boolean) => ({ mandate: readMandate(data.object('mandate'), partly) }),
  'policy.published': (data: Members, partly: boolean) => ({
    version: data.count('version'),
    hash: readDigest(data, 'hash'),
    /** Undefined if a part is withheld. */
    recomputed: partly ? undefined : digestOfParts(data),
  }),
  'directory.applied': (data: Members) => ({
    credentials: data.list('credentials').map((each) => ({ kid: each.text('kid'), principal: each.text('principal') })),
  }),
  /** Registered to the subject of the record; `kid` is its RFC 7638 thumbprint. */
  'authenticator.registered': (data: Members) => ({
    kid: data.text('kid'),
    credentialId: data.text('credential_id'),
    rpId: data.text('rp_id'),
    backupEligible: data.flag('backup_eligible'),
  }),
  /** What was certified and to whom; the record holds exactly what the authority signed. */
  'certificate.issued': (data: Members) => ({
    holder: data.text('holder'),
    profile: data.text('profile'),
    tbsDigest: data.text('tbs_digest'),
    /** RFC 7638 thumbprint of the issuing key. */
    authority: data.object('after').text('authority'),
  }),
  'evidence.exported': (data: Members) => {
    const transaction = parseId('transaction', data.value('transaction'));
    if (transaction === undefined) throw new RecordMalformed('data.transaction is not a transaction id');
    const records = data.list('records');
    return {
      transaction,
      part: data.count('part'),
      parts: data.count('parts'),
      records: records.map((entry) => ({ id: readRecordId(entry, 'id'), leafHash: readDigest(entry, 'leaf_hash') })),
    };
  },
  'log.pruned': (data: Members) => {
    const ranges = data.value('ranges');
    if (!Array.isArray(ranges)) throw new RecordMalformed('data.ranges is not an array');
    return { ranges: ranges.map(readRange) };
  },
  'erasure.completed': (data: Members) => ({ keys: data.texts('keys') }),
  /** The token is DER in base64url. */
  'timestamp.obtained': (data: Members) => ({ thing: readStamped(data.object('thing')), token: data.text('token') }),
  'envelope.issued': (data: Members) => ({
    state: data.text('state'),
    version: data.count('version'),
    kid: data.text('kid'),
  }),
};

type ReadKind = keyof typeof readers;
export type FactsOf<Kind extends ReadKind> = { readonly kind: Kind } & Readonly<ReturnType<(typeof readers)[Kind]>>;

export type Facts =
  | { [Kind in ReadKind]: FactsOf<Kind> }[ReadKind]
  /** A member that checks need is withheld. */
  | { readonly kind: 'withheld' }
  | { readonly kind: 'other' };

export type MandateFacts = ReturnType<typeof readMandate>;
export type TokenClaims = ReturnType<typeof readClaims>;

/** @param withheld JSON pointers @throws RecordMalformed if a needed member is absent or has the wrong shape */
export function readFacts(type: string, data: Json | undefined, withheld: readonly string[]): Facts {
  if (touches(withheld, neededPlaces[type] ?? [])) return { kind: 'withheld' };
  const partly = touches(withheld, partlyReadPlaces[type] ?? []);
  const kind = mandateTypes.includes(type) ? 'mandate' : type;
  if (type === 'mandate' || !isReadKind(kind)) return { kind: 'other' };
  // The table pairs each kind with its reader, which the compiler cannot follow.
  return { kind, ...readers[kind](Members.of(data, 'data'), partly) } as Facts;
}

function isReadKind(kind: string): kind is ReadKind {
  return Object.hasOwn(readers, kind);
}

const inside = (parent: string, ...names: readonly string[]): readonly string[] =>
  names.map((name) => `${parent}/${name}`);
const decisionPlaces = inside('/data/decision', 'decision', 'policy_version', 'policy_hash', 'input_digest');
export const decisionInput = '/data/decision/input';
export const tokenDetails = '/data/claims/authorization_details';
export const intentPlace = '/data/intent';
const tokenPlaces = [
  ...inside(
    '/data/claims',
    ...[
      'jti',
      'sub',
      'aud',
      'client_id',
      'lei',
      'iat',
      'exp',
      'scope',
      'policy_version',
      'acr',
      'auth_time',
      'ancestors',
    ],
    ...['act', 'may_act', 'evidence', 'txn', 'intent_digest', 'mandate'],
  ),
  ...decisionPlaces,
];
const mandatePlaces = inside(
  '/data/mandate',
  ...['id', 'version', 'status', 'parent', 'effectiveFrom', 'effectiveUntil', 'recordId', 'previousDigest', 'digest'],
);
/** Records that contain a version of a mandate. */
export const mandateTypes = [
  ...['proposed', 'accepted', 'suspended', 'resumed', 'revoked', 'consented', 'amended', 'expired'],
  ...['amendment-proposed', 'amendment-withdrawn'],
].map((event) => `mandate.${event}`);
const forMandates = (places: readonly string[]) => Object.fromEntries(mandateTypes.map((type) => [type, places]));

/** If one is withheld, the record cannot be read: absent and withheld must not be confused. */
const neededPlaces: Readonly<Record<string, readonly string[]>> = {
  ...forMandates(mandatePlaces),
  'transaction.transitioned': [...inside('/data', 'event', 'from', 'to', 'version'), ...decisionPlaces],
  'approval.given': inside('/data', 'jws', 'statement', 'key'),
  'decision.made': [...decisionPlaces, '/data/evaluation'],
  'exception.resolved': inside('/data', 'kind', 'cause', 'to', 'version'),
  'token.issued': tokenPlaces,
  'token.exchanged': [...tokenPlaces, '/data/subject_token'],
  'policy.published': inside('/data', 'version', 'hash'),
  'directory.applied': ['/data/credentials'],
  'authenticator.registered': inside('/data', 'kid', 'credential_id', 'rp_id', 'backup_eligible'),
  'certificate.issued': inside('/data', 'holder', 'profile', 'tbs_digest', 'after'),
  'evidence.exported': ['/data'],
  'log.pruned': ['/data'],
  'erasure.completed': ['/data'],
  'timestamp.obtained': inside('/data', 'thing', 'token'),
  'envelope.issued': inside('/data', 'state', 'version', 'kid'),
};

/** If one is withheld, only one check is skipped. */
const partlyReadPlaces: Readonly<Record<string, readonly string[]>> = {
  ...forMandates(['/data/mandate']),
  'transaction.opened': [intentPlace],
  'policy.published': ['/data'],
};

/** Whether a withheld member is at, above or within one of the places. */
function touches(withheld: readonly string[], places: readonly string[]): boolean {
  return withheld.some((path) =>
    places.some((place) => path === place || path.startsWith(`${place}/`) || place.startsWith(`${path}/`)),
  );
}

export function isHidden(type: string, withheld: readonly string[], places: readonly string[]): boolean {
  return touches(withheld, [...(neededPlaces[type] ?? []), ...places]);
}

/** A JWS by a key of the directory, or a WebAuthn assertion; with both forms, two readers could rely on different ones. */
function readSignedApproval(members: Members) {
  if (!members.has('statement')) return { form: 'jws', jws: members.text('jws') } as const;
  if (members.has('jws')) throw new RecordMalformed('data holds an approval in two forms');
  const statement = members.object('statement');
  const signature = statement.object('signature');
  return {
    form: 'statement',
    claims: statement.object('claims').all,
    signature: {
      credential_id: signature.text('credential_id'),
      authenticator_data: signature.text('authenticator_data'),
      client_data_json: signature.text('client_data_json'),
      signature: signature.text('signature'),
      rp_id: signature.text('rp_id'),
      origin: signature.text('origin'),
    },
  } as const;
}

/** Both places are included. */
function readRange(range: Json): { readonly first: bigint; readonly past: bigint } {
  const [first, last] = Array.isArray(range) ? range.map(placeOf) : [];
  if (first === undefined || last === undefined) throw new RecordMalformed('data.ranges is not a list of ranges');
  return { first, past: last + 1n };
}

function readStamped(thing: Members) {
  const kind = thing.text('kind');
  if (kind === 'checkpoint') return { kind, checkpoint: thing.text('checkpoint') } as const;
  if (kind !== 'record') throw new RecordMalformed('data.thing is neither a checkpoint nor a record');
  return { kind, record: readRecordId(thing, 'record'), leafHash: readDigest(thing, 'leafHash') } as const;
}

function readIssue(members: Members) {
  return {
    claims: readClaims(members.object('claims')),
    decision: readDecision(members.object('decision')),
    /** For other tokens than access tokens. */
    tokenType: members.has('issued_token_type') ? members.text('issued_token_type') : undefined,
  };
}

/** Covers the digests of the parts. A digest is computed from the text if present; a stated one is then ignored. */
function digestOfParts(members: Members) {
  const parts = members.list('parts').map((part) => ({
    part: part.text('part'),
    digest: part.has('content') ? digestOfContent(part.value('content')) : readDigest(part, 'digest'),
  }));
  return digestOf({ v: 1, parts });
}

function digestOfContent(content: Json): string {
  return typeof content === 'string' ? sha256Base64Url(content) : digestOf(content);
}

/** `txn`, `intentDigest` and `mandate` are compared, never interpreted. */
function readClaims(members: Members) {
  const { all } = members;
  return {
    jti: members.text('jti'),
    sub: members.text('sub'),
    audience: members.text('aud'),
    clientId: members.text('client_id'),
    institution: members.text('lei'),
    issuedAt: members.count('iat'),
    exp: members.count('exp'),
    scope: members.text('scope').split(' '),
    policyVersion: members.count('policy_version'),
    /** RFC 9396; undefined if withheld or absent. */
    details: all.authorization_details,
    acr: all.acr ?? null,
    authTime: all.auth_time ?? null,
    ancestors: all.ancestors ?? null,
    /** All disclosed claims. */
    all,
    /** RFC 8693 section 4.1: the current actor, with prior actors nested inside. */
    act: all.act ?? null,
    /** RFC 8693 section 4.4. */
    mayAct: all.may_act ?? null,
    /** Id of the token's own record. */
    evidence: all.evidence ?? null,
    txn: all.txn ?? null,
    intentDigest: all.intent_digest ?? null,
    mandate: all.mandate ?? null,
  };
}

function readMandate(members: Members, partly: boolean) {
  const { digest: _digest, signature: _signature, ...covered } = members.all;
  const parent = members.has('parent') ? members.object('parent') : undefined;
  return {
    id: members.text('id'),
    version: members.count('version'),
    status: members.text('status'),
    parent:
      parent === undefined
        ? undefined
        : {
            id: parent.text('id'),
            version: parent.count('version'),
            digest: parent.has('digest') ? parent.text('digest') : undefined,
          },
    effectiveFrom: members.instant('effectiveFrom'),
    effectiveUntil: members.instant('effectiveUntil'),
    recordId: members.text('recordId'),
    previousDigest: members.has('previousDigest') ? members.text('previousDigest') : undefined,
    digest: members.text('digest'),
    constraints: members.all.constraints,
    /** All members except digest and signature; undefined if one is withheld. */
    covered: partly ? undefined : covered,
  };
}
