import { type GrantType, recordIdOfCommand, type SingleUseClaim } from '@countersign/contracts';
import { digestOf, type RecordId } from '@countersign/kernel';

/** As records name the way to a token of an emergency. It can be asked for at no endpoint. */
export const emergencyGrantType = 'urn:countersign:grant:break-glass';
export type WayToToken = GrantType | typeof emergencyGrantType;

/** What one token uses up. */
type GrantUse =
  | { readonly uses: 'nothing'; readonly because: string }
  /** An id that somebody else has made: nobody may have brought it before. */
  | { readonly uses: 'assertion' }
  /** Something that was given here, which has a row of its own. */
  | { readonly uses: 'given' };

/**
 * What each way to a token uses up. The client's assertion and proof are used once by every one of them
 * (`client-endpoint/claim-credentials.ts`).
 */
export const grantUses = {
  client_credentials: { uses: 'nothing', because: 'the client shows who it is anew each time' },
  authorization_code: { uses: 'given' },
  'urn:openid:params:grant-type:ciba': { uses: 'given' },
  'urn:ietf:params:oauth:grant-type:jwt-bearer': { uses: 'assertion' },
  refresh_token: {
    uses: 'nothing',
    because: 'refresh tokens are not rotated (FAPI 2.0 Security Profile section 5.3.2.1)',
  },
  'urn:ietf:params:oauth:grant-type:token-exchange': {
    uses: 'nothing',
    because: 'the recipient of a token calls as many hops with it as it has to, until it ends',
  },
  [emergencyGrantType]: { uses: 'nothing', because: 'an emergency has one token, and the next ends the one before' },
} as const satisfies Readonly<Record<WayToToken, GrantUse>>;

/** Something that was given here, and is taken once. */
export interface GivenOnce {
  /** As the log calls it. The record of the token ends it: it gives nothing a second time, whatever its row says. */
  readonly thing: string;
  /** Of any number of callers on any number of nodes, exactly one gets `claimed`. */
  take(): Promise<'claimed' | 'replayed'>;
  /** What follows where somebody had it before. @returns the refusal */
  replayed(): Promise<Error> | Error;
}

interface UsedUpBy {
  readonly nothing: undefined;
  readonly assertion: SingleUseClaim;
  readonly given: GivenOnce;
}

/** What one request uses up, as the way that it goes declares it. */
export type UsedUp<Way extends WayToToken> = UsedUpBy[(typeof grantUses)[Way]['uses']];

/** What the record of the token ends. */
export function endedWith(usedUp: UsedUp<WayToToken>): readonly string[] {
  return usedUp !== undefined && 'thing' in usedUp ? [usedUp.thing] : [];
}

/**
 * Id of the record of a token that uses something up: there is one such record, whatever becomes of the row or the claim; undefined
 * where nothing is used up.
 */
export function recordIdFor(usedUp: UsedUp<WayToToken>): RecordId | undefined {
  if (usedUp === undefined) return undefined;
  return recordIdOfCommand({ first: 'thing' in usedUp ? usedUp.thing : claimed(usedUp) });
}

/** With its end: an issuer may give an id again once it has been forgotten. */
function claimed({ purpose, issuer, id, expiresAt }: SingleUseClaim): string {
  return `${purpose}:${digestOf({ issuer, id, expires_at: expiresAt })}`;
}
