import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { codeOf } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

const folder = scratchFolder();
let ahead = 0;
/** Runs like the system clock, and jumps when told to. */
const clock = { now: () => Date.now() + ahead };
const advance = (seconds: number): void => {
  ahead += seconds * 1000;
};
let controlPlane: RunningControlPlane;

beforeAll(async () => {
  controlPlane = await runControlPlane(await configurationIn(folder.path), { clock });
});
afterAll(async () => {
  await controlPlane?.stop();
  folder.remove();
});

/** The access token keys in the key set; it also holds keys of other purposes. */
const published = async (): Promise<readonly string[]> => {
  const { keys } = (await (await fetch(`${controlPlane.issuer}/jwks`)).json()) as { keys: readonly { kid: string }[] };
  const { signers } = controlPlane.components;
  const others = await Promise.all(
    (['id-token', 'id-token-ps256', 'id-token-rs256', 'transaction-token'] as const).map((purpose) =>
      signers[purpose].publicKeys(purpose),
    ),
  );
  const foreign = new Set(others.flat().map(({ kid }) => kid));
  return keys.map(({ kid }) => kid).filter((kid) => !foreign.has(kid));
};
const newToken = () =>
  controlPlane.operator.client.clientCredentials({
    resource: `${controlPlane.issuer}/decisions`,
    scope: 'decision:evaluate',
  });
const keyOf = ({ accessToken }: { readonly accessToken: string }): string =>
  (JSON.parse(Buffer.from(accessToken.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;
const rotate = (purpose: string) =>
  controlPlane.operator.call('keys', 'key:rotate', { method: 'POST', path: `/keys/${purpose}/rotate`, body: {} });
const statusWith = async (token: Awaited<ReturnType<typeof newToken>>): Promise<number> =>
  (await controlPlane.operator.client.call(token, { method: 'GET', url: `${controlPlane.issuer}/decisions/policy` }))
    .status;

describe('a rotation while the server runs', () => {
  it.each(['PS256', 'RS256'] as const)(
    'publishes a successor for ID tokens in %s, with that algorithm',
    async (alg) => {
      const inKeySet = async () => {
        const { keys } = (await (await fetch(`${controlPlane.issuer}/jwks`)).json()) as {
          keys: readonly Readonly<Record<string, string>>[];
        };
        return keys.filter((key) => key['alg'] === alg);
      };
      // Created at the first signature, or on request.
      expect(await inKeySet()).toEqual([]);
      expect(await rotate(`id-token-${alg.toLowerCase()}`)).toMatchObject({ state: 'active' });
      const [before, ...none] = await inKeySet();
      expect(none).toEqual([]);
      const rotated = await rotate(`id-token-${alg.toLowerCase()}`);
      expect(rotated).toMatchObject({ state: 'published' });
      const after = await inKeySet();
      expect(after).toHaveLength(2);
      expect(after).toContainEqual(before);
      for (const key of after) expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
    },
  );

  it('publishes first, signs when every verifier can have the key, and withdraws when the last token has ended', async () => {
    const [first = ''] = await published();
    const { kid: second, state } = (await rotate('access-token')) as { kid: string; state: string };
    expect(state).toBe('published');
    expect(second).not.toBe(first);
    expect([...(await published())].sort()).toEqual([first, second].sort());
    expect(keyOf(await newToken())).toBe(first);
    expect(await rotate('access-token')).toMatchObject({ kid: second, state: 'published' });

    // A verifier may cache the key set for a minute: it must already contain the key of any token met in that time.
    const seen: { readonly at: number; readonly keys: readonly string[] }[] = [];
    const used: string[] = [];
    let lastOfFirst: Awaited<ReturnType<typeof newToken>> | undefined;
    for (let step = 0; step < 14; step++) {
      seen.push({ at: clock.now(), keys: await published() });
      const token = await newToken();
      const kid = keyOf(token);
      if (kid === first) lastOfFirst = token;
      used.push(kid);
      for (const { keys } of seen.filter(({ at }) => clock.now() - at <= 60_000)) expect(keys).toContain(kid);
      advance(25);
    }
    expect(used.slice(0, 11).every((kid) => kid === first)).toBe(true);
    expect(used.at(-1)).toBe(second);
    if (lastOfFirst === undefined) throw new Error('the first key has signed nothing');
    expect(await statusWith(lastOfFirst)).toBe(200);
    expect(await published()).toContain(first);

    advance(400);
    expect(await published()).toEqual([second]);
    expect(keyOf(await newToken())).toBe(second);
  });

  it('is recorded with the public key', async () => {
    const { kid } = (await rotate('access-token')) as { kid: string };
    const records = await controlPlane.operator.records({ type: 'key.published' });
    const about = records.filter(({ data }) => (data as { kid?: string }).kid === kid);
    expect(about).toEqual([
      expect.objectContaining({ outcome: 'done', data: expect.objectContaining({ purpose: 'access-token' }) }),
    ]);
    expect(JSON.stringify(about)).not.toContain('"d":');
  });

  it("is refused as a withdrawal of the log's key, for an unknown purpose, and without the scope", async () => {
    expect(await codeOf(() => rotate('anything'))).toBe('key_purpose_unknown');
    const unknown = 'a'.repeat(43);
    const ofTheLog = { method: 'POST', path: `/keys/log-checkpoint/${unknown}/withdraw`, body: {} } as const;
    expect(await codeOf(() => controlPlane.operator.call('keys', 'key:revoke', ofTheLog))).toBe(
      'key_withdrawal_unsupported',
    );
    const withdraw = { method: 'POST', path: `/keys/access-token/${unknown}/withdraw`, body: {} } as const;
    expect(await codeOf(() => controlPlane.operator.call('keys', 'key:revoke', withdraw))).toBe('signing_key_unknown');
    const refused = await controlPlane.operator.records({ type: 'access.refused' });
    expect(refused.map(({ reason, subject, data }) => [reason, subject !== undefined, data])).toEqual(
      expect.arrayContaining([
        ['key_withdrawal_unsupported', true, { operation: 'key:revoke', about: `log-checkpoint ${unknown}` }],
        ['key_purpose_unknown', true, { operation: 'key:rotate' }],
        ['signing_key_unknown', true, { operation: 'key:revoke', about: `access-token ${unknown}` }],
      ]),
    );
    const withoutScope = () =>
      controlPlane.operator.call('keys', 'directory:read', {
        method: 'POST',
        path: '/keys/access-token/rotate',
        body: {},
      });
    expect(await codeOf(withoutScope)).toBe('invalid_scope scope_not_offered');
    const byStranger = await fetch(`${controlPlane.issuer}/keys/access-token/rotate`, { method: 'POST', body: '{}' });
    expect(byStranger.status).toBe(401);
  });
});
