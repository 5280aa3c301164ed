import type { PrincipalId } from '@countersign/contracts';
import type { AuthenticatorId, Json, RecordId } from '@countersign/kernel';
import { ask, type RowSeal } from '@countersign/runtime';
import type { StatementClaims } from '@countersign/webauthn';
import type pg from 'pg';

/** What allows a registration: an invitation, or an assertion by an existing authenticator of the person. */
export type RegistrationAllowance =
  /** @property secretHash base64url */
  | { readonly by: 'invitation'; readonly secretHash: string }
  | { readonly by: 'authenticator'; readonly authenticator: AuthenticatorId; readonly recordId: RecordId };

interface About {
  readonly statement: { readonly claims: StatementClaims; readonly acrValues?: readonly string[] };
  readonly registration: RegistrationAllowance;
}
export type ChallengeKind = keyof About;

export interface StoredChallenge<Kind extends ChallengeKind> {
  readonly kind: Kind;
  readonly person: PrincipalId;
  /** Base64url. */
  readonly challenge: string;
  readonly about: About[Kind];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Per person; the oldest is deleted. */
const maxOpen = 32;

export function createChallengeStore(pool: pg.Pool, rowSeal: RowSeal) {
  /** Writing the row must not suffice to change the person or the allowance. */
  const sealed = (handleHash: Buffer, kind: ChallengeKind, person: PrincipalId, challenge: string, about: unknown) =>
    [
      `authenticator-challenge/${handleHash.toString('base64url')}`,
      { kind, person, challenge, about: JSON.parse(JSON.stringify(about)) as Json },
    ] as const;

  return {
    async insert<Kind extends ChallengeKind>(
      handleHash: Buffer,
      { kind, person, challenge, about, expiresAt }: StoredChallenge<Kind>,
    ): Promise<void> {
      await ask(pool, {
        name: 'authenticator-challenge-insert',
        text: `insert into authenticator_challenges (handle_hash, kind, person, challenge, about, expires_at, seal)
               values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000.0), $7)`,
        values: [
          ...[handleHash, kind, person, challenge, JSON.stringify(about), expiresAt],
          rowSeal.seal(...sealed(handleHash, kind, person, challenge, about)),
        ],
      });
      await ask(pool, {
        name: 'authenticator-challenge-bound',
        text: `delete from authenticator_challenges where handle_hash in (
                 select handle_hash from authenticator_challenges where person = $1
                  order by expires_at desc offset $2)`,
        values: [person, maxOpen],
      });
    },
    /** Once, across all nodes. */
    async consume<Kind extends ChallengeKind>(
      handleHash: Buffer,
      of: { readonly kind: Kind; readonly person: PrincipalId; readonly now: number },
    ): Promise<Pick<StoredChallenge<Kind>, 'challenge' | 'about'> | undefined> {
      const text = `delete from authenticator_challenges where handle_hash = $1 and kind = $2 and person = $3
               returning challenge, about, expires_at > to_timestamp($4::float8 / 1000.0) as in_time, seal`;
      type Row = { challenge: string; about: About[Kind]; in_time: boolean; seal: Buffer | null };
      const values = [handleHash, of.kind, of.person, of.now];
      const { rows } = await ask<Row>(pool, { name: 'authenticator-challenge-consume', text, values });
      const [row] = rows;
      if (row?.in_time !== true) return undefined;
      const { challenge, about, seal } = row;
      return rowSeal.holds(...sealed(handleHash, of.kind, of.person, challenge, about), seal)
        ? { challenge, about }
        : undefined;
    },
    async deleteExpired(before: number, limit: number): Promise<number> {
      const { rowCount } = await ask(pool, {
        name: 'authenticator-challenge-sweep',
        text: `delete from authenticator_challenges where handle_hash in (
                 select handle_hash from authenticator_challenges where expires_at < to_timestamp($1::float8 / 1000.0)
                  limit $2)`,
        values: [before, limit],
      });
      return rowCount ?? 0;
    },
  };
}

export type ChallengeStore = ReturnType<typeof createChallengeStore>;
