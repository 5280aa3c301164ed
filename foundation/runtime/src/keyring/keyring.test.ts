import { constants, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Base64Url, systemRandom } from '@countersign/kernel';
import { createTestDatabase, type FixedClock, fixedClock } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ScratchDatabase } from '../database/index.ts';
import { createLogger } from '../observability/index.ts';
import { createKeyring } from './keyring.ts';
import type { KeyOf, KeyPolicy, KeyRecorder, Keyring } from './keyring-contract.ts';

const table = `create table signing_keys (purpose text not null, generation integer not null, kid text not null unique,
  algorithm text not null, public_jwk jsonb not null, sealed_key bytea not null, published_at timestamptz not null,
  activates_at timestamptz not null, withdraws text, primary key (purpose, generation));`;

const logger = createLogger({ level: 'silent', name: 'test' });
const sealingKey = { bytes: systemRandom.bytes(32) };
const token: KeyPolicy = { algorithm: 'ES256', publicationLeadSeconds: 600, longestSignedLifeSeconds: 300 };
type Purpose = 'access-token' | 'id-token';

let database: ScratchDatabase;
let migrationsFolder: string;
let component = 0;
const names = Array.from({ length: 30 }, (_, index) => `keys_${index}`);
beforeAll(async () => {
  migrationsFolder = mkdtempSync(join(tmpdir(), 'keyring-'));
  writeFileSync(join(migrationsFolder, '0001_keys.sql'), table);
  database = await createTestDatabase({
    components: names.map((name) => ({ name, schema: name, role: name, migrationsFolder, grants: 'insert-and-read' })),
  });
});
afterAll(async () => {
  await database.drop();
  rmSync(migrationsFolder, { recursive: true });
});

let clock: FixedClock;
const running: Keyring<Purpose>[] = [];
beforeEach(() => {
  component++;
  clock = fixedClock(1_800_000_000_000);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((keyring) => keyring.stop()));
});

/** A separate node on the tables of this test. */
async function open(
  options: {
    readonly policy?: Partial<KeyPolicy>;
    readonly clock?: FixedClock;
    readonly sealingKey?: typeof sealingKey;
    readonly recorder?: KeyRecorder<Purpose>;
    readonly refreshEveryMs?: number;
  } = {},
): Promise<Keyring<Purpose>> {
  const keyring = await createKeyring<Purpose>({
    pool: database.pool(names[component] ?? ''),
    sealingKey,
    purposes: { 'access-token': { ...token, ...options.policy }, 'id-token': token },
    clock,
    random: systemRandom,
    logger,
    refreshEveryMs: 20,
    ...options,
  });
  running.push(keyring);
  return keyring;
}

/** Collects records in order; each is complete before the keyring continues. */
function collect(): KeyRecorder<Purpose> & { readonly records: string[] } {
  const records: string[] = [];
  return {
    records,
    published: async ({ purpose, kid }) => void records.push(`${purpose} published ${kid}`),
    withdrawn: async ({ kid }, successor) => void records.push(`withdrawn ${kid} for ${successor.kid}`),
  };
}

const stateOf = async (keyring: Keyring<Purpose>): Promise<readonly string[]> =>
  (await keyring.publicKeys('access-token')).map(({ state }) => state);
const kidsOf = async (keyring: Keyring<Purpose>): Promise<readonly string[]> =>
  (await keyring.publicKeys('access-token')).map(({ kid }) => kid);
const sign = (keyring: Keyring<Purpose>, kid: string) => keyring.sign('access-token', kid, Buffer.from('data'));
const unavailable = { code: 'signing_key_unavailable', category: 'unavailable' };

describe('a rotation', () => {
  it('publishes a successor before it signs, and retires the predecessor when its signatures have expired', async () => {
    const keyring = await open();
    const first = await keyring.current('access-token');
    const successor = await keyring.rotate('access-token');
    expect(successor).toMatchObject({ state: 'published', activeFrom: clock.now() + 600_000 });
    expect((await keyring.current('access-token')).kid).toBe(first.kid);
    await expect(sign(keyring, successor.kid)).rejects.toMatchObject(unavailable);

    clock.advance(600_000);
    expect((await keyring.current('access-token')).kid).toBe(successor.kid);
    expect(await stateOf(keyring)).toEqual(['retiring', 'active']);
    expect((await sign(keyring, first.kid)).kid).toBe(first.kid);

    clock.advance(300_000);
    expect(await kidsOf(keyring)).toEqual([successor.kid]);
    await expect(sign(keyring, first.kid)).rejects.toMatchObject(unavailable);
  });

  it('follows the clock, to the millisecond and also when it is set back', async () => {
    const keyring = await open();
    const states = async () => (await keyring.publicKeys('access-token')).map(({ state }) => state);
    expect(await states()).toEqual(['active']);
    await keyring.rotate('access-token');
    expect(await states()).toEqual(['active', 'published']);
    clock.advance(599_999);
    expect(await states()).toEqual(['active', 'published']);
    clock.advance(1);
    expect(await states()).toEqual(['retiring', 'active']);
    clock.advance(-1);
    expect(await states()).toEqual(['active', 'published']);
    clock.advance(300_001);
    expect(await states()).toEqual(['active']);
  });

  it('returns the waiting successor again if requested twice', async () => {
    const keyring = await open();
    const { kid } = await keyring.rotate('access-token');
    clock.advance(10_000);
    expect((await keyring.rotate('access-token')).kid).toBe(kid);
  });

  it('happens and is recorded once if several nodes start and rotate at once', async () => {
    const recorder = collect();
    const nodes = await Promise.all([open({ recorder }), open({ recorder }), open({ recorder })]);
    expect(recorder.records).toHaveLength(2);
    expect(
      new Set((await Promise.all(nodes.map((node) => node.current('access-token')))).map(({ kid }) => kid)).size,
    ).toBe(1);
    const rotated = await Promise.all(nodes.map((node) => node.rotate('access-token')));
    expect(new Set(rotated.map(({ kid }) => kid)).size).toBe(1);
    expect(recorder.records.slice(2)).toEqual([`access-token published ${rotated[0]?.kid}`]);
  });

  it('is recorded before anyone can see it, and does not happen if it cannot be recorded', async () => {
    const [keyring, other] = [await open(), await open()];
    const before = await kidsOf(keyring);
    await expect(
      keyring.rotate('access-token', async ({ kid }) => {
        expect(await kidsOf(keyring)).not.toContain(kid);
        expect(await kidsOf(await open())).toEqual(before);
        throw new Error('the log is down');
      }),
    ).rejects.toThrow('the log is down');
    expect(await kidsOf(keyring)).toEqual(before);
    expect((await other.rotate('access-token')).state).toBe('published');
  });

  it('is noticed by other nodes long before the successor signs', async () => {
    const [one, other] = [await open(), await open()];
    const { kid } = await one.rotate('access-token');
    await vi.waitFor(async () => expect(await kidsOf(other)).toContain(kid), 60_000);
  });

  it('leaves other purposes alone', async () => {
    const keyring = await open();
    const { kid } = await keyring.current('id-token');
    await keyring.rotate('access-token');
    expect((await keyring.publicKeys('id-token')).map((key) => key.kid)).toEqual([kid]);
    await expect(keyring.sign('access-token', kid, Buffer.from('data'))).rejects.toMatchObject(unavailable);
  });
});

describe('the schedule', () => {
  const policy = { rotateEverySeconds: 86_400, signAtMostSeconds: 2 * 86_400 };
  const day = 86_400_000;

  it('publishes a successor early enough to be active when the current key ends', async () => {
    const recorder = collect();
    const keyring = await open({ policy, recorder });
    const { kid: first } = await keyring.current('access-token');
    clock.advance(day - 601_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await kidsOf(keyring)).toEqual([first]);

    clock.advance(1_000);
    await vi.waitFor(async () => expect(await stateOf(keyring)).toEqual(['active', 'published']), 60_000);
    clock.advance(600_000);
    const { kid: second } = await keyring.current('access-token');
    expect(second).not.toBe(first);
    expect(recorder.records.at(-1)).toBe(`access-token published ${second}`);

    clock.advance(day);
    await vi.waitFor(async () => expect(await kidsOf(keyring)).not.toContain(first), 60_000);
    await vi.waitFor(
      async () => expect((await keyring.publicKeys('access-token')).at(-1)?.state).toBe('published'),
      60_000,
    );
    expect(recorder.records).toHaveLength(4);
  });

  it('runs once for two nodes', async () => {
    const recorder = collect();
    const nodes = [await open({ policy, recorder }), await open({ policy, recorder })];
    clock.advance(day - 600_000);
    await Promise.all(
      nodes.map((node) => vi.waitFor(async () => expect(await stateOf(node)).toEqual(['active', 'published']), 60_000)),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [one = [], other] = await Promise.all(nodes.map(kidsOf));
    expect(other).toEqual(one);
    expect(recorder.records.filter((record) => record.startsWith('access-token'))).toEqual(
      one.map((kid) => `access-token published ${kid}`),
    );
  });

  it('lets no key sign after its maximum age, however long its successor cannot be recorded', async () => {
    let down = false;
    const published = async (): Promise<void> => {
      if (down) throw new Error('the log is down');
    };
    const refused: string[] = [];
    const overAge = async ({ purpose, kid, state }: KeyOf<Purpose>) => void refused.push(`${purpose} ${kid} ${state}`);
    const keyring = await open({ policy, recorder: { ...collect(), published, overAge } });
    const { kid } = await keyring.current('access-token');
    const sign = () => keyring.sign('access-token', kid, Buffer.from('data'));
    down = true;
    clock.advance(2 * day);
    await sign();
    clock.advance(1);
    expect(refused).toEqual([]);
    await expect(sign()).rejects.toMatchObject({ code: 'signing_key_over_age' });
    expect(refused).toEqual([`access-token ${kid} active`]);
    down = false;
    // A rotation is tried at most once a minute.
    clock.advance(60_000);
    await sign();
    expect(await stateOf(keyring)).toEqual(['active', 'published']);
    clock.advance(600_000);
    const { kid: next } = await keyring.current('access-token');
    await keyring.sign('access-token', next, Buffer.from('data'));
  });

  it('does not run if there is none', async () => {
    const keyring = await open();
    clock.advance(1_000 * day);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await stateOf(keyring)).toEqual(['active']);
  });

  it('waits a minute after a rotation that could not be recorded, and continues', async () => {
    let attempts = 0;
    let down = false;
    const published = async (): Promise<void> => {
      attempts++;
      if (down) throw new Error('the log is down');
    };
    const keyring = await open({ policy, recorder: { ...collect(), published } });
    down = true;
    clock.advance(day);
    await vi.waitFor(() => expect(attempts).toBe(3), 60_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(attempts).toBe(3);
    expect(await stateOf(keyring)).toEqual(['active']);
    down = false;
    clock.advance(60_000);
    await vi.waitFor(async () => expect(await stateOf(keyring)).toEqual(['active', 'published']), 60_000);
  });

  it('that would replace keys before they are used is a programming error', async () => {
    await expect(open({ policy: { rotateEverySeconds: 600 } })).rejects.toThrow('before they are used');
  });
});

describe('a withdrawal', () => {
  it('ends the active key immediately and replaces it with a new one', async () => {
    const keyring = await open();
    const { kid: lost } = await keyring.current('access-token');
    const successor = await keyring.withdraw('access-token', lost);
    expect(successor).toMatchObject({ state: 'active', activeFrom: clock.now() });
    expect(await kidsOf(keyring)).toEqual([successor.kid]);
    expect((await keyring.current('access-token')).kid).toBe(successor.kid);
    await expect(sign(keyring, lost)).rejects.toMatchObject(unavailable);
    expect((await sign(keyring, successor.kid)).kid).toBe(successor.kid);
  });

  it('is known to the other nodes at their next read, even with a slow clock and after a restart', async () => {
    const late = fixedClock(clock.now() - 120_000);
    const other = await open({ clock: late });
    const keyring = await open();
    const { kid: lost } = await keyring.current('access-token');
    const { kid } = await keyring.withdraw('access-token', lost);
    await vi.waitFor(async () => expect(await kidsOf(other)).toEqual([kid]), 60_000);
    expect((await other.current('access-token')).kid).toBe(kid);
    await expect(sign(other, lost)).rejects.toMatchObject(unavailable);
    expect(await kidsOf(await open({ clock: late }))).toEqual([kid]);
  });

  it('ends a waiting or retiring key; the active one retires', async () => {
    const keyring = await open();
    const { kid: first } = await keyring.current('access-token');
    const { kid: waiting } = await keyring.rotate('access-token');
    const { kid: third } = await keyring.withdraw('access-token', waiting);
    expect(await kidsOf(keyring)).toEqual([first, third]);
    expect(await stateOf(keyring)).toEqual(['retiring', 'active']);
    const { kid: fourth } = await keyring.withdraw('access-token', first);
    expect(await kidsOf(keyring)).toEqual([third, fourth]);
    clock.advance(3_600_000);
    expect(await kidsOf(keyring)).toEqual([fourth]);
  });

  it('skips a successor that was waiting: it never signs', async () => {
    const keyring = await open();
    const { kid: lost } = await keyring.current('access-token');
    const { kid: waiting } = await keyring.rotate('access-token');
    const { kid } = await keyring.withdraw('access-token', lost);
    for (const seconds of [0, 600, 3_600]) {
      clock.advance(seconds * 1000);
      expect(await kidsOf(keyring)).toEqual([kid]);
      await expect(sign(keyring, waiting)).rejects.toMatchObject(unavailable);
    }
  });

  it('is recorded before it takes effect, and does not happen if it cannot be recorded', async () => {
    const recorder = collect();
    const keyring = await open({ recorder });
    const { kid: lost } = await keyring.current('access-token');
    const failing = keyring.withdraw('access-token', lost, async (withdrawn, successor) => {
      expect(withdrawn).toMatchObject({ kid: lost, state: 'active' });
      expect(successor.state).toBe('active');
      expect(await kidsOf(keyring)).toEqual([lost]);
      throw new Error('the log is down');
    });
    await expect(failing).rejects.toThrow('the log is down');
    expect((await keyring.current('access-token')).kid).toBe(lost);
    expect((await sign(keyring, lost)).kid).toBe(lost);
    const { kid } = await keyring.withdraw('access-token', lost);
    expect(recorder.records.at(-1)).toBe(`withdrawn ${lost} for ${kid}`);
  });

  it('happens once if nodes withdraw the same key together, or one repeats it', async () => {
    const recorder = collect();
    const nodes = [await open({ recorder }), await open({ recorder })];
    const lost = (await nodes[0]?.current('access-token'))?.kid ?? '';
    const successors = await Promise.all([...nodes, ...nodes].map((node) => node.withdraw('access-token', lost)));
    expect(new Set(successors.map(({ kid }) => kid)).size).toBe(1);
    expect(await nodes[0]?.withdraw('access-token', lost)).toMatchObject({ kid: successors[0]?.kid });
    expect(recorder.records.filter((record) => record.startsWith('withdrawn'))).toHaveLength(1);
  });

  it('is refused for a key that is unknown, has another purpose, or has left the key set', async () => {
    const keyring = await open();
    const { kid: first } = await keyring.current('access-token');
    const { kid: foreign } = await keyring.current('id-token');
    await keyring.rotate('access-token');
    clock.advance(3_600_000);
    for (const kid of ['unknown', foreign, first])
      await expect(keyring.withdraw('access-token', kid)).rejects.toMatchObject({
        code: 'signing_key_unknown',
        category: 'not-found',
      });
  });
});

describe('a signature', () => {
  it.each([
    ['ES256', ['crv', 'kty', 'x', 'y'], { dsaEncoding: 'ieee-p1363' }, 'sha256'],
    ['EdDSA', ['crv', 'kty', 'x'], {}, null],
    ['PS256', ['e', 'kty', 'n'], { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, 'sha256'],
    ['RS256', ['e', 'kty', 'n'], { padding: constants.RSA_PKCS1_PADDING }, 'sha256'],
  ] as const)(
    'by %s verifies with the published key, whose kid is its thumbprint',
    async (algorithm, members, how, digest) => {
      const keyring = await open({ policy: { algorithm } });
      const { kid, jwk, algorithm: announced } = await keyring.current('access-token');
      expect(announced).toBe(algorithm);
      expect(Object.keys(jwk)).toEqual(members);
      expect(kid).toBe(sha256Base64Url(JSON.stringify(Object.fromEntries(members.map((name) => [name, jwk[name]])))));
      const data = Buffer.from('what is signed');
      const { signature } = await keyring.sign('access-token', kid, data);
      const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
      if (key.asymmetricKeyType === 'rsa') expect(key.asymmetricKeyDetails?.modulusLength).toBe(3072);
      expect(verify(digest, data, { key, ...how }, signature)).toBe(true);
      expect(verify(digest, Buffer.from('something else'), { key, ...how }, signature)).toBe(false);
    },
  );
});

describe('keys at rest', () => {
  it('cannot be opened with another key-encryption key, nor if a sealed key belongs to another row', async () => {
    const { kid } = await (await open()).current('access-token');
    await expect(open({ sealingKey: { bytes: systemRandom.bytes(32) } })).rejects.toMatchObject({
      code: 'keystore_locked',
    });
    await database.pool(names[component] ?? '').query(
      `insert into signing_keys (purpose, generation, kid, algorithm, public_jwk, sealed_key, published_at, activates_at)
       select purpose, 2, 'another', algorithm, public_jwk, sealed_key, published_at, activates_at from signing_keys where kid = $1`,
      [kid],
    );
    await expect(open()).rejects.toMatchObject({ code: 'keystore_locked' });
  });
});

describe('a key created on demand', () => {
  const onDemand = { policy: { onDemand: true } } as const;

  it('is created at the first signature, once for all nodes, and published by each before it signs', async () => {
    const recorder = collect();
    const one = await open({ ...onDemand, recorder });
    const other = await open({ ...onDemand, recorder });
    expect(await one.publicKeys('access-token')).toEqual([]);
    expect(recorder.records.filter((record) => record.startsWith('access-token'))).toEqual([]);
    let signs = false;
    const signing = () => {
      signs = true;
    };
    const first = one.current('access-token').finally(signing);
    await vi.waitFor(async () => expect(await other.publicKeys('access-token')).toHaveLength(1), { interval: 1 });
    // Neither node signs before the other could publish the key, whether it created or found it.
    for (const node of [one, other]) void node.current('access-token').finally(signing);
    expect(signs).toBe(false);
    const keys = await Promise.all([
      first,
      ...Array.from({ length: 10 }, () => [one, other].map((node) => node.current('access-token'))).flat(),
    ]);
    expect(signs).toBe(true);
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1);
    expect(keys[0]).toMatchObject({ state: 'active', generation: 1 });
    expect(recorder.records.filter((record) => record.startsWith('access-token'))).toHaveLength(1);
    expect(await (await open(onDemand)).publicKeys('access-token')).toHaveLength(1);
  });

  it('is the first one, active immediately, if a rotation is requested before any key exists', async () => {
    const keyring = await open(onDemand);
    expect(await keyring.rotate('access-token')).toMatchObject({ state: 'active', generation: 1 });
    expect(await keyring.rotate('access-token')).toMatchObject({ state: 'published', generation: 2 });
  });

  it('is not created if that cannot be recorded, and requested again the next time', async () => {
    let broken = true;
    const recorder: KeyRecorder<Purpose> = {
      ...collect(),
      published: async ({ purpose }) => {
        if (broken && purpose === 'access-token') throw new Error('the log is not there');
      },
    };
    const keyring = await open({ ...onDemand, recorder });
    await expect(keyring.current('access-token')).rejects.toThrow('the log is not there');
    expect(await keyring.publicKeys('access-token')).toEqual([]);
    broken = false;
    expect(await keyring.current('access-token')).toMatchObject({ state: 'active' });
  });
});
