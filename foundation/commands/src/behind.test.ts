import { standingErrors } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { Behind, onceSettled } from './behind.ts';

const taken = new CodedError({ code: 'record_identity_taken', category: 'conflict', detail: 'Taken.' });

/** Fails the given number of times and records its arguments. */
function failing(times: number, error: () => Error) {
  const told: boolean[] = [];
  return {
    told,
    work: async (completed: boolean) => {
      told.push(completed);
      if (told.length <= times) throw error();
      return 'done';
    },
  };
}

describe('work on a row that may be behind its record', () => {
  it('is repeated once the row is written, and is informed of that', async () => {
    let settled = 0;
    const { work, told } = failing(2, () => new Behind(async () => void settled++));
    expect(await onceSettled(work)).toBe('done');
    expect([told, settled]).toEqual([[false, true, true], 2]);
  });

  it('fails as unproven if the row stays behind, after reporting it', async () => {
    let reported = 0;
    const stays = () =>
      new Behind(
        async () => undefined,
        async () => void reported++,
      );
    await expect(onceSettled(failing(100, stays).work)).rejects.toMatchObject({ code: 'authority_unproven' });
    expect(reported).toBe(1);
    const differs = () =>
      new Behind(
        async () => undefined,
        async () => {
          throw standingErrors.error('authority_unproven', 'These differ.');
        },
      );
    await expect(onceSettled(failing(100, differs).work)).rejects.toMatchObject({ detail: 'These differ.' });
  });

  it('is retried a bounded number of times if another party made the record first', async () => {
    let looked = 0;
    const look = async () => void looked++;
    expect(await onceSettled(failing(3, () => taken).work, look)).toBe('done');
    expect(looked).toBe(3);
    await expect(onceSettled(failing(100, () => taken).work, look)).rejects.toBe(taken);
    expect(looked).toBe(6);
  });

  it('fails with any other error', async () => {
    await expect(onceSettled(failing(1, () => taken).work)).rejects.toBe(taken);
    const fault = new Error('a fault');
    await expect(onceSettled(failing(1, () => fault).work, async () => undefined)).rejects.toBe(fault);
  });
});
