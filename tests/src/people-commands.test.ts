import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CodedError } from '@countersign/kernel';
import { generateSigningKey } from '@countersign/sdk';
import { asCaller } from '@countersign/testkit';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { accountCommands } from '../../apps/cli/src/commands/account.ts';
import { authenticatorCommands } from '../../apps/cli/src/commands/authenticator.ts';
import {
  type AuthenticatorNode,
  type AuthenticatorWorld,
  createAuthenticatorWorld,
} from '../../components/authentication/src/testing/authenticator-world.ts';
import { anna, bank } from '../../components/authentication/src/testing/people.ts';

describe('the commands for people and their keys', () => {
  let world: AuthenticatorWorld;
  let node: AuthenticatorNode;
  let folder: string;
  let issuer: string;
  let printed = '';

  beforeAll(async () => {
    world = await createAuthenticatorWorld();
    node = world.node();
    node.app.post('/token', async ({ body }) => {
      const scope = String(new URLSearchParams(String(body)).get('scope'));
      const { authorization } = asCaller({ id: 'service:countersign-cli', institution: bank }, [scope]);
      return { access_token: authorization.slice('DPoP '.length), token_type: 'DPoP', expires_in: 300, scope };
    });
    await node.app.listen({ host: '127.0.0.1', port: 0 });
    issuer = `http://127.0.0.1:${(node.app.server.address() as AddressInfo).port}`;
    folder = mkdtempSync(join(tmpdir(), 'people-commands-'));
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    });
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await world.close();
    rmSync(folder, { recursive: true });
  });

  async function run(...words: readonly string[]): Promise<string> {
    const key = join(folder, 'key.jwk');
    writeFileSync(key, JSON.stringify(generateSigningKey().privateJwk), { mode: 0o600 });
    const program = new Command('countersign').exitOverride().configureOutput({ writeErr: () => undefined });
    for (const commands of [authenticatorCommands, accountCommands])
      commands(program, () => ({ data: folder, url: issuer, key }));
    printed = '';
    await program.parseAsync(words, { from: 'user' });
    return printed;
  }
  const codeOf = (running: Promise<unknown>): Promise<string> =>
    running.then(
      () => 'accepted',
      (error: CodedError) => error.code,
    );

  it('invite, list, revoke, lock and unlock', async () => {
    const invited = await run('authenticator', 'invite', anna.id, '--evidence', 'file 4', 'video call', '--hours', '2');
    const [url = '', note] = invited.split('\n');
    expect(url).toMatch(/^https:\/\/id\.example\/enrol\/[\w-]{43}$/);
    expect(note).toContain('works once, until 2026-11-21T11:00:00.000Z; recorded as rec_');
    expect(world.audit.ofType('authenticator.invited').at(-1)).toMatchObject({
      data: { evidence: ['file 4', 'video call'] },
    });
    expect(await run('authenticator', 'list', anna.id)).toBe(`${anna.id}\nno key\n`);

    const asked = await node.authenticators.askInvited(url.slice(-43));
    const made = await node.authenticators.register({
      ...{ handle: asked.handle, person: anna.id, credential: world.key().create(asked.options), name: 'blue key' },
    });
    await run('account', 'lock', anna.id, '--reason', 'laptop stolen');
    expect(await run('authenticator', 'list', anna.id)).toBe(
      `${anna.id}  locked\n${made.id}  phrh  blue key  cannot be copied, never used\n`,
    );
    expect(await run('account', 'unlock', anna.id, '--reason', 'found')).toBe(`${anna.id}  unlocked\n`);
    expect(await codeOf(run('authenticator', 'revoke', anna.id, '--reason', 'x'))).toBe('authenticator_unnamed');
    expect(await codeOf(run('authenticator', 'revoke', anna.id, made.id, '--all', '--reason', 'x'))).toBe(
      'authenticator_unnamed',
    );
    expect(await run('authenticator', 'revoke', anna.id, made.id, '--reason', 'lost')).toBe(`${made.id}  revoked\n`);
    expect(await run('authenticator', 'revoke', anna.id, '--all', '--reason', 'lost')).toBe('0 revoked\n');
    expect(await codeOf(run('authenticator', 'invite', anna.id, '--evidence', 'x'))).toBe('recovery_needed');
  });
});
