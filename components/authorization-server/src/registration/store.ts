import { ask, type RowSeal, takeNamedLock, transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Queryable } from '../row-store.ts';

export interface RegistrationRow {
  readonly clientId: string;
  readonly institution: string;
  readonly principal: string;
  /** SHA-256 of the registration access token. */
  readonly tokenHash: Buffer;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  /** Undefined while the registration is in progress. */
  readonly directoryVersion?: number;
}

/** Registrations of one institution, locked against concurrent changes. */
export interface InstitutionUnit {
  rows(): Promise<readonly RegistrationRow[]>;
  insert(row: Omit<RegistrationRow, 'directoryVersion'>): Promise<void>;
  remove(clientId: string): Promise<void>;
}

/** One registration, locked against concurrent changes. */
export interface ClientUnit {
  readonly row: RegistrationRow | undefined;
  /** After the directory has accepted the client. */
  settle(directoryVersion: number, tokenHash?: Buffer): Promise<void>;
  remove(): Promise<void>;
}

interface Row {
  readonly client_id: string;
  readonly institution: string;
  readonly principal: string;
  readonly token_hash: Buffer;
  readonly issued_ms: number;
  readonly directory_version: string | null;
  readonly seal: Buffer | null;
}

const columns = `client_id, institution, principal, token_hash, extract(epoch from issued_at)::float8 * 1000 as issued_ms,
                 directory_version, seal`;

/** The record of an update ends the previous token. */
export const registrationTokenThing = (tokenHash: Buffer): string =>
  `registration-token:${tokenHash.toString('base64url')}`;

/** Rows without a valid seal are ignored. */
export function createRegistrationStore(pool: pg.Pool, rowSeal: RowSeal) {
  const sealOf = (row: RegistrationRow): Buffer => rowSeal.seal(...sealed(row));
  const ownRows = (rows: readonly Row[]): readonly RegistrationRow[] =>
    rows.flatMap((row) => {
      const registration = rowOf(row);
      return rowSeal.holds(...sealed(registration), row.seal) ? [registration] : [];
    });

  async function find(connection: Queryable, clientId: string, lock: boolean): Promise<RegistrationRow | undefined> {
    const { rows } = await ask<Row>(connection, {
      name: lock ? 'registration-lock' : 'registration-find',
      text: `select ${columns} from client_registrations where client_id = $1${lock ? ' for update' : ''}`,
      values: [clientId],
    });
    return ownRows(rows)[0];
  }

  function institutionUnit(connection: Queryable, institution: string): InstitutionUnit {
    return {
      async rows() {
        const { rows } = await connection.query<Row>({
          name: 'registrations-of-institution',
          text: `select ${columns} from client_registrations where institution = $1 order by client_id`,
          values: [institution],
        });
        return ownRows(rows);
      },
      async insert(row) {
        const { clientId, principal, tokenHash, issuedAt } = row;
        await connection.query({
          name: 'registration-insert',
          text: `insert into client_registrations (client_id, institution, principal, token_hash, issued_at, seal)
                 values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000.0), $6)`,
          values: [clientId, institution, principal, tokenHash, issuedAt, sealOf({ ...row, institution })],
        });
      },
      remove: (clientId) => remove(connection, clientId),
    };
  }

  function clientUnit(connection: Queryable, clientId: string, row: RegistrationRow | undefined): ClientUnit {
    return {
      row,
      async settle(directoryVersion, tokenHash) {
        // Another registration has removed this one as abandoned.
        if (row === undefined) return;
        const settled = { ...row, directoryVersion, tokenHash: tokenHash ?? row.tokenHash };
        await connection.query({
          name: 'registration-settle',
          text: 'update client_registrations set directory_version = $2, token_hash = $3, seal = $4 where client_id = $1',
          values: [clientId, directoryVersion, settled.tokenHash, sealOf(settled)],
        });
      },
      remove: () => remove(connection, clientId),
    };
  }

  return {
    underInstitution<Result>(institution: string, work: (unit: InstitutionUnit) => Promise<Result>): Promise<Result> {
      return transaction(pool, async (connection) => {
        await takeNamedLock(connection, `client registrations of ${institution}`);
        return work(institutionUnit(connection, institution));
      });
    },
    underClient<Result>(clientId: string, work: (unit: ClientUnit) => Promise<Result>): Promise<Result> {
      return transaction(pool, async (connection) =>
        work(clientUnit(connection, clientId, await find(connection, clientId, true))),
      );
    },
    find: (clientId: string) => find(pool, clientId, false),
    remove: (clientId: string) => remove(pool, clientId),
  };
}

function sealed({ clientId, institution, principal, tokenHash, issuedAt, directoryVersion }: RegistrationRow) {
  const token = tokenHash.toString('base64url');
  const content = { institution, principal, token, issued_at: issuedAt, directory_version: directoryVersion ?? null };
  return [`client-registration/${clientId}`, content] as const;
}

async function remove(connection: Queryable, clientId: string): Promise<void> {
  await ask(connection, {
    name: 'registration-remove',
    text: 'delete from client_registrations where client_id = $1',
    values: [clientId],
  });
}

function rowOf(row: Row): RegistrationRow {
  const { client_id: clientId, token_hash: tokenHash, directory_version: version, institution, principal } = row;
  return {
    clientId,
    institution,
    principal,
    tokenHash,
    issuedAt: Math.round(row.issued_ms),
    ...(version === null ? {} : { directoryVersion: Number(version) }),
  };
}
