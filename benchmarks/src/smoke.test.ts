import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

// Its servers are separate processes, which run the build.
describe.skipIf(!existsSync(main))('npm run bench (needs a build)', () => {
  const run = (...args: readonly string[]) => promisify(execFile)(process.execPath, [main, ...args]);

  // Takes some minutes: for changes to the benchmarks. Each quick suite has a test of its own beside it.
  const whole = process.env['COUNTERSIGN_BENCH'] === 'whole';
  it.runIf(whole)('measures every suite briefly, and leaves no data behind', { timeout: 540_000 }, async () => {
    const left = () =>
      existsSync('/var/tmp') ? readdirSync('/var/tmp').filter((name) => name.startsWith('countersign-bench-')) : [];
    const before = left();
    const { stdout } = await run('--quick');
    for (const part of [
      'Client-credentials tokens',
      'bare HTTP and cryptography',
      'oidc-provider, in memory',
      'the tokens/s of oidc-provider',
      'the server CPU of the bare server',
      'Pushed authorization requests',
      'the server CPU of oidc-provider, in memory',
      'Authorization code flow from end to end',
      'a signed-in person opens it',
      'the client redeems the code',
      'Refreshed tokens',
      'Introspection',
      'reference, signed answer: ',
      'Token exchange',
      'Policy decisions in process',
      'compiled policies alone',
      'Cedar reference engine',
      'AuthZEN evaluations over HTTP',
      '100 a request',
      'the requests/s of the empty server',
      'One process and split: tokens, under load',
      'the CPU of one process: split',
      'One process and split: decisions, one at a time',
      'One process and split: appends, one at a time',
      'One process and split: a second in which nobody asks anything',
      'A policy bundle simulated over recorded decisions',
      'Audit-log appends, a lone caller',
      'audit log, a protected value in each',
      'peer: a lone INSERT',
      'their terms, indexed afterwards',
      'Audit-log appends, 32 callers at once',
      'peer: an INSERT a record, 10 connections',
      'cosigned by two of three witnesses',
      'published to a folder, with its entries',
      'Proofs, a lone caller',
      'tlog-proof file, verified',
      'Bytes on the disk a record',
      'Audit-log appends as the log grows',
      'Questions to the log, a lone caller',
      "a transaction's chain of authority",
      'query by person, 100 records',
      'Mandate valid for intent',
      'a chain of 8 among 400 mandates',
      'one indexed query a check, and the constraints',
      'Memory of the consent store',
      'Durable transitions of orders from submission to settlement, a lone caller',
      'bare appends of such records',
      'Their steps, 16 callers at once',
      'Reconstruction of one transaction',
      'whole chain with proofs, not read before',
      'Sign-ins with a security key, from the page to the session',
      'sign-ins a second and core',
      'Signed statements (approvals)',
      'peer: @simplewebauthn/server alone',
      '40 sessions, each of the right person and with one record',
      'Revocation: milliseconds from its answer',
      'POST /revoke, a refresh token: its consent ends',
      'enforcement point, following the second node',
      'Growth: CPU of server and PostgreSQL together',
      'token, client_credentials',
      'code redemption',
      'Growth: rows and index entries read by the same work',
      'authorization_server.single_use',
      'audit_log.entries',
    ])
      expect(stdout).toContain(part);
    expect(stdout).toContain('a quick run shows that everything works');
    expect(left().filter((name) => !before.includes(name))).toEqual([]);
  });

  it('measures one suite alone', { timeout: 120_000 }, async () => {
    const { stdout } = await run('--quick', '--only', 'refresh');
    expect(stdout).toContain('Refreshed tokens');
    expect(stdout).not.toContain('Client-credentials tokens');
  });

  it('measures a control plane in one process and split', { timeout: 540_000 }, async () => {
    const { stdout } = await run('--quick', '--only', 'whole-and-split');
    for (const work of ['tokens', 'decisions', 'transitions', 'appends'])
      for (const at of ['under load', 'one at a time'])
        expect(stdout).toContain(`One process and split: ${work}, ${at}`);
    expect(stdout).toMatch(/too short to judge: .* the CPU of one process: split \(expected at most 1\.60 x\)/);
    expect(stdout).toContain('added at p50, one at a time: split (expected at most 2.00 ms)');
  });

  it('lists the suites if an unknown one is requested', async () => {
    await expect(run('--only', 'tokens,magic')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no suite named magic'),
    });
  });
});
