import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticationMigrations, createAuthentication } from '@countersign/authentication';
import { breakGlassMigrations, createBreakGlass } from '@countersign/break-glass';
import {
  type Declaration,
  type Person,
  parseClientId,
  parseResourceUri,
  type SignedStatement,
} from '@countersign/contracts';
import { newId, parseDigest, systemRandom, toInstant } from '@countersign/kernel';
import { createFolderChannel, createNotices, noticesMigrations } from '@countersign/notices';
import { createRecovery, recoveryMigrations } from '@countersign/recovery';
import { createLogger } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, personOf, testRowSeal } from '@countersign/testkit';
import { createSoftwareAuthenticator, type SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyHolders } from '../../components/authentication/src/testing/key-holders.ts';
import { anna, bank, ben, broker, peopleDirectory } from '../../components/authentication/src/testing/people.ts';

// The real register of authenticators, statements, signals and notices, connected as in an installation.

const issuer = 'http://localhost:8080';
const hour = 3_600_000;
const cora = personOf('cora.lind', broker, 'compliance');
const fay = personOf('fay.first', broker, 'break-glass');
const sam = personOf('sam.second', broker, 'break-glass');
const helpDesk = { id: 'service:help-desk', institution: broker };
const installation = { id: 'service:countersign', institution: bank };
const lost = { person: anna.id, evidence: ['HR file 4711'], reason: 'Lost on a train' };

type Installation = Awaited<ReturnType<typeof install>>;

async function install() {
  const database = await createTestDatabase({
    components: [authenticationMigrations, recoveryMigrations, breakGlassMigrations, noticesMigrations],
  });
  const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  const random = systemRandom;
  const logger = createLogger({ level: 'silent', name: 'test' });
  const audit = createMemoryLog(clock);
  const directory = peopleDirectory();
  for (const each of [cora, fay, sam]) directory.add(each);
  const folder = mkdtempSync(join(tmpdir(), 'notices-'));
  const holders = await createKeyHolders();
  const common = { audit, directory, clock, random, logger };
  const environment = 'production' as const;
  const notices = createNotices({
    ...common,
    pool: database.pool('notices'),
    rowSeal: testRowSeal,
    channels: [createFolderChannel({ name: 'files', folder })],
    environment,
    everyMs: hour,
  });
  const raised = new Map<string, string>();
  const signals = {
    of: (id: string) => (raised.has(id) ? (['recovery-cooling-off'] as const) : []),
    async raise({ person, until }: { readonly person: string; readonly until: string }) {
      raised.set(person, until);
    },
  };
  const authentication = createAuthentication({
    ...common,
    pool: database.pool('authentication'),
    rowSeal: testRowSeal,
    config: { issuer, environment, methods: ['webauthn'], authenticators: { rootsFile: holders.rootsFile } },
    notices,
    sweepEveryMs: hour,
  });
  const { authenticators } = authentication;
  const revoked: string[] = [];
  const tokens = {
    async revoke({ id }: { readonly id: string }) {
      revoked.push(id);
    },
    async issueEmergency() {
      return {
        accessToken: 'token',
        tokenId: newId('token', { clock, random }),
        recordId: newId('record', { clock, random }),
        expiresAt: toInstant(clock.now() + 300_000),
      };
    },
  };
  const recovery = createRecovery({
    ...common,
    pool: database.pool('recovery'),
    register: authenticators,
    statements: authenticators,
    sessions: authentication,
    tokens,
    signals,
    notices,
    installation,
    environment,
    config: {},
    everyMs: hour,
  });
  const client = parseClientId('countersign-cli');
  if (client === undefined) throw new Error('a broken fixture');
  const transactions = parseResourceUri(`${issuer}/transactions`);
  if (transactions === undefined) throw new Error('a broken fixture');
  const resource = {
    uri: transactions,
    institution: bank,
    scopes: ['order:cancel', 'order:read'],
    tokenFormat: 'jwt',
  } as const;
  const breakGlass = createBreakGlass({
    ...common,
    directory: {
      snapshot: () => ({ ...directory.snapshot(), resource: (uri) => (uri === transactions ? resource : undefined) }),
    },
    pool: database.pool('break-glass'),
    statements: authenticators,
    register: authenticators,
    tokens,
    notices,
    client,
    issuer,
    installation,
    environment,
    config: {},
    everyMs: hour,
  });
  const keys = new Map<string, SoftwareAuthenticator>();
  for (const each of [anna, ben, cora, fay, sam]) keys.set(each.id, await holders.keyOf({ authentication }, each));

  async function sign(
    { id: person }: Person,
    { handle, options }: { readonly handle: string; readonly options: unknown },
  ): Promise<SignedStatement> {
    const credential = keys.get(person)?.get(options);
    return authenticators.consume({ handle, person, credential });
  }
  return {
    ...{
      database,
      clock,
      audit,
      authentication,
      authenticators,
      recovery,
      breakGlass,
      notices,
      raised,
      revoked,
      keys,
      transactions,
    },
    sign,
    /** Enrols by a link, as its page does. */
    async enrolBy(path: string, person: Person) {
      const maker = keys.get(person.id)?.authority;
      const key = createSoftwareAuthenticator({ origin: issuer, ...(maker === undefined ? {} : { authority: maker }) });
      const { handle, options } = await authenticators.askInvited(path.slice('/enrol/'.length));
      keys.set(person.id, key);
      return authenticators.register({ handle, person: person.id, credential: key.create(options), name: 'new key' });
    },
    async told(person: Person): Promise<readonly string[]> {
      await notices.sendDue();
      return readdirSync(folder)
        .sort()
        .map(
          (name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as { kind: string; to: { person?: string } },
        )
        .filter(({ to }) => to.person === person.id)
        .map(({ kind }) => kind);
    },
    async close() {
      for (const part of [recovery, breakGlass, authentication, notices]) await part.stop();
      await database.drop();
      await holders.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let all: Installation;
beforeEach(async () => {
  all = await install();
});
afterEach(() => all.close());
const withCode = (code: string) => expect.objectContaining({ code });

describe('a lost authenticator in an installation', () => {
  it('is replaced by recovery only', async () => {
    const { recovery, authenticators, sign } = all;
    const again = () => authenticators.invite({ person: anna.id, evidence: ['I know her voice'] }, helpDesk);
    await expect(again()).rejects.toEqual(withCode('recovery_needed'));
    const { id } = await recovery.open(lost, helpDesk);
    await expect(again()).rejects.toEqual(withCode('recovery_needed'));
    await expect(recovery.askToApprove(id, anna.id)).rejects.toEqual(withCode('recovery_self'));
    for (const who of [ben, cora]) await recovery.approve(id, await sign(who, await recovery.askToApprove(id, who.id)));
    // All authenticators are gone, and an ordinary invitation is still refused.
    expect(await authenticators.of(anna.id)).toEqual([]);
    expect(all.revoked).toEqual([anna.id]);
    await expect(again()).rejects.toEqual(withCode('recovery_needed'));

    const first = await recovery.invite(id, helpDesk);
    const { path } = await recovery.invite(id, helpDesk);
    await expect(all.enrolBy(first.path, anna)).rejects.toEqual(withCode('invitation_unknown'));
    const enrolled = await all.enrolBy(path, anna);
    await expect(all.enrolBy(path, anna)).rejects.toEqual(withCode('invitation_unknown'));
    expect(all.raised.has(anna.id)).toBe(true);

    await recovery.carryOn();
    expect(await recovery.find(id)).toMatchObject({ status: 'completed' });
    expect(all.raised.get(anna.id)).toBe(toInstant(Date.parse(enrolled.registeredAt) + 24 * hour));
    expect([...(await all.told(anna))].sort()).toEqual([
      'authenticator-added',
      'authenticator-added',
      'authenticator-removed',
      'recovery-completed',
      'recovery-decided',
      'recovery-opened',
    ]);
    // From the enrolment back to the signed statements of both approvers.
    const invited = all.audit.ofType('authenticator.invited').at(-1);
    const ended = all.audit.ofType('recovery.credentials-ended')[0];
    expect(invited?.references).toContain(ended?.id);
    expect(ended?.references).toEqual(
      expect.arrayContaining(all.audit.ofType('recovery.approved').map(({ id: record }) => record)),
    );
  });

  it('has its recovery cancelled by its person with the remaining key', async () => {
    const { recovery, sign } = all;
    const { id } = await recovery.open(lost, helpDesk);
    await recovery.cancelOwn(id, await sign(anna, await recovery.askToCancel(id, anna.id)));
    await expect(recovery.askToApprove(id, ben.id)).rejects.toEqual(withCode('recovery_decided'));
  });
});

describe('emergency access in an installation', () => {
  it('locks both holders when nobody has reviewed it', async () => {
    const { breakGlass, sign, clock, authenticators } = all;
    const jkt = parseDigest('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
    if (jkt === undefined) throw new Error('a broken fixture');
    const declaration: Declaration = {
      reason: 'The order gateway sends duplicates',
      reference: 'INC-1',
      resource: all.transactions,
      scopes: ['order:cancel'],
      jkt,
    };
    const { id } = await breakGlass.declare(
      declaration,
      await sign(fay, await breakGlass.askToDeclare(declaration, fay.id)),
    );
    await breakGlass.second(id, await sign(sam, await breakGlass.askToSecond(id, sam.id)));
    clock.advance(24 * hour);
    await breakGlass.handleDue();
    for (const who of [fay, sam]) {
      expect(await authenticators.isLocked(who.id)).toBe(true);
      expect(await all.told(who)).toEqual(expect.arrayContaining(['account-locked', 'break-glass-review-overdue']));
    }
    // A locked account cannot sign.
    await expect(breakGlass.askToReview(id, 'justified', 'Looked at all of it', fay.id)).rejects.toEqual(
      withCode('incident_not_reviewer'),
    );
    await expect(breakGlass.askToReview(id, 'justified', 'Looked at all of it', cora.id)).resolves.toBeDefined();
    await authenticators.unlock(fay.id, helpDesk, 'reviewed by telephone');
    await expect(breakGlass.askToDeclare(declaration, fay.id)).rejects.toEqual(withCode('incident_unreviewed'));
  });
});
