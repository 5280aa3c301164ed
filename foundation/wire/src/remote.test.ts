import { CodedError, newId, systemClock, systemRandom } from '@countersign/kernel';
import { leiOf, personOf } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import type { PeerCall } from './peer-call.ts';
import { wireErrors } from './process-identity.ts';
import { remoteContract } from './remote.ts';

/** The other end of a connection, with one answer for everything. */
function answering(answer: string | CodedError) {
  const asked: PeerCall[] = [];
  const call = async (what: PeerCall): Promise<string> => {
    asked.push(what);
    if (typeof answer !== 'string') throw answer;
    return answer;
  };
  return { asked, peer: { call } };
}
const { id: anna } = personOf('anna', leiOf('ARRANGER'));
const record = newId('record', { clock: systemClock, random: systemRandom });

describe('a contract in another process', () => {
  it('defines for each call its timeout and whether it may be repeated', async () => {
    const { asked, peer } = answering('');
    await remoteContract('audit-log', peer).find(record);
    await remoteContract('outbound', peer)
      .getJson('https://partner.example/jwks')
      .catch(() => undefined);
    expect(asked).toMatchObject([
      { contract: 'audit-log', method: 'find', repeatable: true, timeoutMs: 5_000 },
      { contract: 'outbound', method: 'getJson', repeatable: false, timeoutMs: 30_000 },
    ]);
  });

  it('of the log is unavailable with its own code if its process does not answer or is overloaded', async () => {
    for (const code of ['peer_unavailable', 'peer_overloaded'] as const) {
      const { peer } = answering(wireErrors.error(code, 'Nothing was released.'));
      await expect(remoteContract('audit-log', peer).find(record)).rejects.toMatchObject({
        code: 'log_unavailable',
        category: 'unavailable',
        detail: 'Nothing was released.',
      });
      await expect(remoteContract('authenticators', peer).isLocked(anna)).rejects.toMatchObject({ code });
    }
  });

  it('keeps every other refusal unchanged', async () => {
    const { peer } = answering(wireErrors.error('call_not_permitted', 'No.'));
    await expect(remoteContract('audit-log', peer).find(record)).rejects.toMatchObject({ code: 'call_not_permitted' });
  });

  it('rejects a refusal that the method does not declare', async () => {
    for (const [code, category] of [
      ['credential_shared', 'forbidden'],
      ['account_locked', 'conflict'],
    ] as const) {
      const { peer } = answering(new CodedError({ code, category, detail: 'No.' }));
      const error: unknown = await remoteContract('authenticators', peer)
        .isLocked(anna)
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(CodedError);
    }
  });

  it.each(['{', '"yes"', '{"locked":true}'])('rejects an answer that does not match the method: %s', async (text) => {
    const { peer } = answering(text);
    await expect(remoteContract('authenticators', peer).isLocked(anna)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:answer|call)_malformed$/),
    });
  });

  it('has no method that is not in the table of calls', () => {
    expect('verify' in remoteContract('audit-log', answering('').peer)).toBe(false);
  });
});
