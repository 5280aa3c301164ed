import {
  type Digest,
  digestOf,
  type Json,
  parseId,
  type RecordId,
  sha256Base64Url,
  type TransactionId,
} from '@countersign/kernel';
import type { WebAuthnSignature } from '@countersign/webauthn';
import { type DecisionFacts, readDecision } from './decision-facts.ts';
import { Members, RecordMalformed } from './members.ts';
import { placeOf } from './place.ts';
import { readDigest, readRecordId } from './read-values.ts';

/** The facts that checks read. Additional members are allowed, because records outlive the programs that wrote them. */
export type Facts =
  /** Undefined if withheld; its digest is still present. */
  | {
      readonly kind: 'transaction.opened';
      readonly intent: Json | undefined;
      /** As stated beside the intent. */
      readonly intentType: string;
    }
  | TransitionFacts
  | {
      readonly kind: 'approval.given';
      readonly signed: SignedApproval;
      readonly key: Readonly<Record<string, Json>>;
      readonly role: string;
    }
  | {
      readonly kind: 'decision.made';
      readonly decision: DecisionFacts;
      readonly asked: { readonly subject: string; readonly action: string; readonly resource: string };
    }
  | IssueFacts
  | ExchangeFacts
  | ResolutionFacts
  | { readonly kind: 'mandate'; readonly mandate: MandateFacts }
  | {
      readonly kind: 'policy.published';
      readonly version: number;
      readonly hash: Digest;
      /** Recomputed from the record; undefined if a part is withheld. */
      readonly recomputed: Digest | undefined;
    }
  | {
      readonly kind: 'directory.applied';
      readonly credentials: readonly { readonly kid: string; readonly principal: string }[];
    }
  | AuthenticatorFacts
  | ManifestFacts
  | PruningFacts
  | { readonly kind: 'erasure.completed'; readonly keys: readonly string[] }
  | TimeStampFacts
  | EnvelopeFacts
  /** A member that checks need is withheld. */
  | { readonly kind: 'withheld' }
  | { readonly kind: 'other' };

/** A JWS by a key of the directory, or a WebAuthn assertion over a statement. */
export type SignedApproval =
  | { readonly form: 'jws'; readonly jws: string }
  | {
      readonly form: 'statement';
      readonly claims: Readonly<Record<string, Json>>;
      readonly signature: WebAuthnSignature;
    };

/** Registered to the subject of the record. */
export interface AuthenticatorFacts {
  readonly kind: 'authenticator.registered';
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly credentialId: string;
  readonly rpId: string;
  readonly backupEligible: boolean;
}

export interface PruningFacts {
  readonly kind: 'log.pruned';
  /** First index, and the one after the last. */
  readonly ranges: readonly { readonly first: bigint; readonly past: bigint }[];
}

export interface TimeStampFacts {
  readonly kind: 'timestamp.obtained';
  readonly thing:
    | { readonly kind: 'checkpoint'; readonly checkpoint: string }
    | { readonly kind: 'record'; readonly record: RecordId; readonly leafHash: Digest };
  /** DER in base64url. */
  readonly token: string;
}

export interface EnvelopeFacts {
  readonly kind: 'envelope.issued';
  readonly state: string;
  readonly version: number;
  readonly kid: string;
}

export interface TransitionFacts {
  readonly kind: 'transaction.transitioned';
  /** Undefined if the policies were not evaluated. */
  readonly decision: DecisionFacts | undefined;
  readonly event: string;
  readonly from: string;
  readonly to: string;
  readonly version: number;
  /** Undefined if withheld or absent. */
  readonly body: Json | undefined;
  readonly bodyDigest: Json | undefined;
  /** The person who opened the transaction left, so the step has no body. */
  readonly departure: boolean;
}

export interface ResolutionFacts {
  readonly kind: 'exception.resolved';
  readonly resolution: string;
  readonly cause: string;
  /** Set if the resolution ended the transaction. */
  readonly ending: { readonly to: string; readonly version: number } | undefined;
}

export interface IssueFacts {
  readonly kind: 'token.issued';
  readonly claims: TokenClaims;
  readonly decision: DecisionFacts;
  /** For other tokens than access tokens. */
  readonly tokenType: string | undefined;
}

export interface ExchangeFacts extends Omit<IssueFacts, 'kind'> {
  readonly kind: 'token.exchanged';
  readonly subjectToken: { readonly jti: string; readonly record: RecordId; readonly claimsDigest: Digest };
}

/** `txn`, `intentDigest` and `mandate` are compared, never interpreted. */
export interface TokenClaims {
  readonly jti: string;
  readonly sub: string;
  readonly audience: string;
  readonly clientId: string;
  readonly institution: string;
  readonly issuedAt: number;
  readonly exp: number;
  readonly scope: readonly string[];
  readonly policyVersion: number;
  /** RFC 9396; undefined if withheld or absent. */
  readonly details: Json | undefined;
  readonly acr: Json;
  readonly authTime: Json;
  readonly ancestors: Json;
  /** All disclosed claims. */
  readonly all: Readonly<Record<string, Json>>;
  /** RFC 8693 section 4.1: the current actor, with prior actors nested inside. */
  readonly act: Json;
  /** RFC 8693 section 4.4. */
  readonly mayAct: Json;
  /** Id of the token's own record. */
  readonly evidence: Json;
  readonly txn: Json;
  readonly intentDigest: Json;
  readonly mandate: Json;
}

export interface MandateFacts {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly parent: { readonly id: string; readonly version: number; readonly digest: string | undefined } | undefined;
  readonly effectiveFrom: number;
  readonly effectiveUntil: number;
  readonly recordId: string;
  readonly previousDigest: string | undefined;
  readonly digest: string;
  readonly constraints: Json | undefined;
  /** All members except digest and signature; undefined if one is withheld. */
  readonly covered: Readonly<Record<string, Json>> | undefined;
}

export interface ManifestFacts {
  readonly kind: 'evidence.exported';
  readonly transaction: TransactionId;
  readonly part: number;
  readonly parts: number;
  readonly records: readonly { readonly id: RecordId; readonly leafHash: string }[];
}

/** @param withheld JSON pointers @throws RecordMalformed if a needed member is absent or has the wrong shape */
export function readFacts(type: string, data: Json | undefined, withheld: readonly string[]): Facts {
  if (touches(withheld, neededPlaces[type] ?? [])) return { kind: 'withheld' };
  const partly = touches(withheld, partlyReadPlaces[type] ?? []);
  switch (type) {
    case 'transaction.opened':
      return readOpening(Members.of(data, 'data'), partly);
    case 'transaction.transitioned':
      return readTransition(Members.of(data, 'data'));
    case 'approval.given': {
      const members = Members.of(data, 'data');
      return {
        kind: type,
        signed: readSignedApproval(members),
        key: members.object('key').all,
        role: members.text('role'),
      };
    }
    case 'decision.made':
      return readDecisionMade(Members.of(data, 'data'));
    case 'token.issued':
      return { kind: type, ...readIssue(Members.of(data, 'data')) };
    case 'token.exchanged':
      return readExchange(Members.of(data, 'data'));
    case 'exception.resolved':
      return readResolution(Members.of(data, 'data'));
    case 'mandate.proposed':
    case 'mandate.accepted':
    case 'mandate.suspended':
    case 'mandate.resumed':
    case 'mandate.revoked':
    case 'mandate.consented':
    case 'mandate.amendment-proposed':
    case 'mandate.amendment-withdrawn':
    case 'mandate.amended':
    case 'mandate.expired':
      return { kind: 'mandate', mandate: readMandate(Members.of(data, 'data').object('mandate'), partly) };
    case 'policy.published':
      return readPublication(Members.of(data, 'data'), partly);
    case 'directory.applied':
      return {
        kind: type,
        credentials: Members.of(data, 'data')
          .list('credentials')
          .map((credential) => ({ kid: credential.text('kid'), principal: credential.text('principal') })),
      };
    case 'authenticator.registered': {
      const members = Members.of(data, 'data');
      return {
        kind: type,
        kid: members.text('kid'),
        credentialId: members.text('credential_id'),
        rpId: members.text('rp_id'),
        backupEligible: members.flag('backup_eligible'),
      };
    }
    case 'evidence.exported':
      return readManifest(Members.of(data, 'data'));
    case 'log.pruned':
      return readPruning(Members.of(data, 'data'));
    case 'erasure.completed':
      return { kind: type, keys: Members.of(data, 'data').texts('keys') };
    case 'timestamp.obtained':
      return readTimeStamp(Members.of(data, 'data'));
    case 'envelope.issued': {
      const members = Members.of(data, 'data');
      return { kind: type, state: members.text('state'), version: members.count('version'), kid: members.text('kid') };
    }
    default:
      return { kind: 'other' };
  }
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
    'act',
    'may_act',
    'evidence',
    'txn',
    'intent_digest',
    'mandate',
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

function readOpening(members: Members, withheld: boolean): Facts {
  return {
    kind: 'transaction.opened',
    intent: withheld ? undefined : members.value('intent'),
    intentType: members.text('intent_type'),
  };
}

/** With both forms, two readers could rely on different ones. */
function readSignedApproval(members: Members): SignedApproval {
  if (!members.has('statement')) return { form: 'jws', jws: members.text('jws') };
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
  };
}

function readPruning(members: Members): PruningFacts {
  const ranges = members.value('ranges');
  if (!Array.isArray(ranges)) throw new RecordMalformed('data.ranges is not an array');
  return {
    kind: 'log.pruned',
    ranges: ranges.map((range: Json) => {
      // Both included.
      const [first, last] = Array.isArray(range) ? range.map(placeOf) : [];
      if (first === undefined || last === undefined) throw new RecordMalformed('data.ranges is not a list of ranges');
      return { first, past: last + 1n };
    }),
  };
}

function readTimeStamp(members: Members): TimeStampFacts {
  const thing = members.object('thing');
  const token = members.text('token');
  const kind = thing.text('kind');
  if (kind === 'checkpoint')
    return { kind: 'timestamp.obtained', thing: { kind, checkpoint: thing.text('checkpoint') }, token };
  if (kind !== 'record') throw new RecordMalformed('data.thing is neither a checkpoint nor a record');
  return {
    kind: 'timestamp.obtained',
    thing: { kind, record: readRecordId(thing, 'record'), leafHash: readDigest(thing, 'leafHash') },
    token,
  };
}

function readTransition(members: Members): TransitionFacts {
  return {
    kind: 'transaction.transitioned',
    decision: members.has('decision') ? readDecision(members.object('decision')) : undefined,
    event: members.text('event'),
    from: members.text('from'),
    to: members.text('to'),
    version: members.count('version'),
    body: members.all.body,
    bodyDigest: members.all.body_digest,
    departure: members.all.cause === 'departure',
  };
}

function readResolution(members: Members): ResolutionFacts {
  return {
    kind: 'exception.resolved',
    resolution: members.text('kind'),
    cause: members.text('cause'),
    ending: members.has('to') ? { to: members.text('to'), version: members.count('version') } : undefined,
  };
}

function readIssue(members: Members): Omit<IssueFacts, 'kind'> {
  return {
    claims: readClaims(members.object('claims')),
    decision: readDecision(members.object('decision')),
    tokenType: members.has('issued_token_type') ? members.text('issued_token_type') : undefined,
  };
}

function readExchange(members: Members): ExchangeFacts {
  const subjectToken = members.object('subject_token');
  return {
    kind: 'token.exchanged',
    ...readIssue(members),
    subjectToken: {
      jti: subjectToken.text('jti'),
      record: readRecordId(subjectToken, 'record'),
      claimsDigest: readDigest(subjectToken, 'claims_digest'),
    },
  };
}

function readDecisionMade(members: Members): Facts {
  const evaluation = members.object('evaluation');
  return {
    kind: 'decision.made',
    decision: readDecision(members.object('decision')),
    asked: {
      subject: evaluation.object('subject').text('id'),
      action: evaluation.text('action'),
      resource: evaluation.object('resource').text('id'),
    },
  };
}

function readPublication(members: Members, partly: boolean): Facts {
  return {
    kind: 'policy.published',
    version: members.count('version'),
    hash: readDigest(members, 'hash'),
    recomputed: partly ? undefined : digestOfParts(members),
  };
}

/** Covers the digests of the parts. A digest is computed from the text if present; a stated one is then ignored. */
function digestOfParts(members: Members): Digest {
  const parts = members.list('parts').map((part) => ({
    part: part.text('part'),
    digest: part.has('content') ? digestOfContent(part.value('content')) : readDigest(part, 'digest'),
  }));
  return digestOf({ v: 1, parts });
}

function digestOfContent(content: Json): string {
  return typeof content === 'string' ? sha256Base64Url(content) : digestOf(content);
}

function readClaims(members: Members): TokenClaims {
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
    details: all.authorization_details,
    acr: all.acr ?? null,
    authTime: all.auth_time ?? null,
    ancestors: all.ancestors ?? null,
    all,
    act: all.act ?? null,
    mayAct: all.may_act ?? null,
    evidence: all.evidence ?? null,
    txn: all.txn ?? null,
    intentDigest: all.intent_digest ?? null,
    mandate: all.mandate ?? null,
  };
}

function readMandate(members: Members, partly: boolean): MandateFacts {
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
    covered: partly ? undefined : covered,
  };
}

function readManifest(members: Members): ManifestFacts {
  const transaction = parseId('transaction', members.value('transaction'));
  if (transaction === undefined) throw new RecordMalformed('data.transaction is not a transaction id');
  return {
    kind: 'evidence.exported',
    transaction,
    part: members.count('part'),
    parts: members.count('parts'),
    records: members
      .list('records')
      .map((entry) => ({ id: readRecordId(entry, 'id'), leafHash: readDigest(entry, 'leaf_hash') })),
  };
}
