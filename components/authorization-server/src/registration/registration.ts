import {
  type Actor,
  type AuditAppender,
  accessErrors,
  type Caller,
  type Directory,
  parseClientId,
  type StandingReader,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  defined,
  equalInConstantTime,
  isCodedError,
  newId,
  type Random,
  sha256,
} from '@countersign/kernel';
import type { AuthorizationServerMetadata } from '@countersign/oauth';
import type { RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import type { Revocations } from '../revocations/index.ts';
import { type ClientInformation, describeClient } from './describe-client.ts';
import { change, judge, type RegistrationDirectory } from './judge.ts';
import { checkPolicy, parseRegistrationPolicy, requireAllowed } from './policy.ts';
import { checkUpdate, readMetadata } from './read-metadata.ts';
import { type Attempt, refusedRecord, registeredRecord, replacedRecord } from './record.ts';
import { refuse } from './refusals.ts';
import { createReservations } from './reserve.ts';
import { type ClientUnit, createRegistrationStore, type RegistrationRow, registrationTokenThing } from './store.ts';
import { createTurns, type TurnLimits } from './turns.ts';

export interface RegistrationDependencies {
  readonly issuer: string;
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender & StandingReader;
  readonly directory: RegistrationDirectory;
  readonly revocations: Pick<Revocations, 'revoke'>;
  /** See `RegistrationPolicy`. */
  readonly policy?: unknown;
  readonly limits?: TurnLimits;
}

export interface Origin {
  readonly address?: string;
}

/** RFC 7591 and RFC 7592, within the installation's policy. */
export interface Registration {
  /** For the sandbox. @throws CodedError of `oauthErrors`; the fact `problems` has a JSON pointer for each problem of the metadata */
  register(caller: Caller, metadata: unknown, origin: Origin): Promise<ClientInformation>;
  /** @throws CodedError `token_invalid` when the token does not belong to that client */
  read(clientId: string, token: string): Promise<ClientInformation>;
  /** Replaces the whole registration and its token. @throws as {@link register} and {@link read} */
  update(clientId: string, token: string, metadata: unknown, origin: Origin): Promise<ClientInformation>;
  /** Removes the client and ends what was issued to it. @throws as {@link read}; `access_denied` in production */
  remove(clientId: string, token: string, origin: Origin): Promise<void>;
}

/** Issuer and path together are the audience of its tokens. */
export const registrationPath = '/register';

/** The directory stores clients; this component stores who may manage each one. @throws CodedError `configuration_invalid` */
export function createRegistration(dependencies: RegistrationDependencies): Registration {
  const { issuer, clock, random, audit, directory, revocations } = dependencies;
  const ruleOf = parseRegistrationPolicy(dependencies.policy ?? {});
  const turns = createTurns(clock, dependencies.limits);
  const store = createRegistrationStore(dependencies.pool, dependencies.rowSeal);
  const reserve = createReservations({ store, directory, clock });
  const audience = issuer + registrationPath;
  const newRecordId = () => newId('record', { clock, random });

  /** One request at a time for each institution; refusals are recorded. */
  async function attempt<Result>(
    attempted: Attempt,
    institution: string,
    work: () => Promise<Result>,
  ): Promise<Result> {
    return turns.enqueue(institution, async () => {
      try {
        return await work();
      } catch (error) {
        if (isRefusal(error)) await audit.append(refusedRecord(newRecordId(), error, attempted));
        throw error;
      }
    });
  }

  async function informationOf(
    { clientId, issuedAt }: RegistrationRow,
    accessToken: string,
  ): Promise<ClientInformation> {
    const document = await directory.clientDocument(clientId);
    if (document === undefined) throw new Error('the directory has lost a client since the last check');
    return describeClient(document, { clientId, issuedAt, uri: `${audience}/${clientId}`, accessToken });
  }

  /** RFC 7592 section 2. */
  async function endGone(row: RegistrationRow): Promise<void> {
    await revocations.revoke({ kind: 'client', id: row.clientId }, actorOf(row), 'client_removed');
    await store.remove(row.clientId);
  }

  async function requireHolder(clientId: string, token: string, row: RegistrationRow | undefined) {
    if (row?.directoryVersion === undefined || !matchesRegistrationToken(token, row.tokenHash)) throw notTheirs();
    const thing = registrationTokenThing(row.tokenHash);
    if ((await audit.standings([thing])).has(thing)) throw notTheirs();
    const snapshot = await directory.snapshotAtLeast(row.directoryVersion);
    if (snapshot.client(clientId) !== undefined) return row;
    await endGone(row);
    throw notTheirs();
  }

  /** For the holder of the client's token, with the registration locked. */
  async function managed<Result>(
    operation: 'update' | 'remove',
    clientId: string,
    token: string,
    origin: Origin,
    work: (unit: ClientUnit, row: RegistrationRow, attempted: Attempt) => Promise<Result>,
  ): Promise<Result> {
    // A caller without the token takes no place in the queue.
    const held = await requireHolder(clientId, token, await find(clientId));
    const attempted: Attempt = { operation, by: actorOf(held), client: clientId, audience, ...origin };
    return attempt(attempted, held.institution, () =>
      store.underClient(clientId, async (unit) => {
        // Another update may have replaced the token.
        if (unit.row === undefined || !matchesRegistrationToken(token, unit.row.tokenHash)) throw notTheirs();
        return work(unit, unit.row, attempted);
      }),
    );
  }

  async function find(clientId: string): Promise<RegistrationRow | undefined> {
    return parseClientId(clientId) === undefined ? undefined : store.find(clientId);
  }

  return {
    async register(caller, metadata, { address }) {
      const { institution } = caller;
      const by: Actor = { id: caller.subject, institution };
      const attempted: Attempt = {
        operation: 'register',
        by,
        client: caller.client,
        audience,
        ...defined({ address }),
      };
      return attempt(attempted, institution, async () => {
        const rule = ruleOf(institution);
        requireAllowed(rule);
        requireStanding(institution, directory);
        const clientId = `c-${Buffer.from(random.bytes(16)).toString('hex')}`;
        const document = readMetadata(metadata, { clientId, institution }, directory.snapshot());
        checkPolicy(document, rule);
        const { token, hash } = issueRegistrationToken(random);
        const row = { clientId, institution, principal: document.principal, tokenHash: hash, issuedAt: clock.now() };
        await reserve(row, rule.maxClients, by);
        let asked = false;
        try {
          await store.underClient(clientId, async (unit) => {
            await judge(document, directory);
            await audit.append(registeredRecord(newRecordId(), document, attempted));
            asked = true;
            const { version } = await change({ put: { clients: [document] } }, by, directory);
            await unit.settle(version);
          });
        } catch (error) {
          // If the outcome in the directory is unknown, the reservation stays.
          if (!asked || isRefusal(error)) await store.remove(clientId);
          throw error;
        }
        return informationOf(row, token);
      });
    },

    async read(clientId, token) {
      return informationOf(await requireHolder(clientId, token, await find(clientId)), token);
    },

    async update(clientId, token, metadata, origin) {
      return managed('update', clientId, token, origin, async (unit, row, attempted) => {
        const { institution, principal } = row;
        const rule = ruleOf(institution);
        requireAllowed(rule);
        requireStanding(institution, directory);
        checkUpdate(metadata, { clientId, principal });
        if ((await directory.clientDocument(clientId))?.['environment'] === 'production')
          throw refuse('second_person_required', 'A change of a production client needs two people.');
        const document = readMetadata(metadata, { clientId, institution }, directory.snapshot());
        checkPolicy(document, rule);
        await judge(document, directory);
        await audit.append(registeredRecord(newRecordId(), document, attempted));
        const { version } = await change({ put: { clients: [document] } }, attempted.by, directory);
        // A refused client keeps its token.
        const replaced = registrationTokenThing(row.tokenHash);
        await audit.append(replacedRecord(newRecordId(), row.tokenHash, replaced, attempted));
        const renewed = issueRegistrationToken(random);
        await unit.settle(version, renewed.hash);
        return informationOf(row, renewed.token);
      });
    },

    async remove(clientId, token, origin) {
      await managed('remove', clientId, token, origin, async (unit, row, { by }) => {
        // If interrupted after this line, the next call ends the tokens.
        await change({ remove: [{ kind: 'client', id: clientId }] }, by, directory);
        await revocations.revoke({ kind: 'client', id: row.clientId }, by, 'client_removed');
        await unit.remove();
      });
    },
  };
}

/** The holder of the token acts as the client. */
function actorOf({ clientId, institution }: RegistrationRow): Actor {
  return { id: `client:${clientId}`, institution };
}

/** One answer for every mismatch. */
function notTheirs(): CodedError {
  return accessErrors.error('token_invalid', 'The registration access token does not belong to this client.');
}

/** The token never expires, so the owner's standing is checked. */
function requireStanding(institution: string, directory: Pick<Directory, 'snapshot'>): void {
  if (directory.snapshot().institution(institution)?.leiStatus !== 'ISSUED')
    throw refuse('registration_standing', 'The LEI registration of the institution must be ISSUED.');
}

/** Not an outage. */
function isRefusal(error: unknown): error is CodedError {
  return isCodedError(error) && error.category !== 'unavailable';
}

/** Identifies a leaked token. */
const prefix = 'csreg_';
const pattern = /^csreg_[\w-]{43}$/;

/** RFC 7592 section 3: 256 random bits. Only the hash is kept. */
export function issueRegistrationToken(random: Random): { readonly token: string; readonly hash: Buffer } {
  const token = prefix + Buffer.from(random.bytes(32)).toString('base64url');
  return { token, hash: sha256(token) };
}

export function matchesRegistrationToken(token: string, hash: Buffer): boolean {
  return pattern.test(token) && equalInConstantTime(sha256(token).toString('base64url'), hash.toString('base64url'));
}

/** RFC 8414 section 2. */
export function registrationMetadata(issuer: string): Pick<AuthorizationServerMetadata, 'registration_endpoint'> {
  return { registration_endpoint: issuer + registrationPath };
}
