import { CodedError } from '@countersign/kernel';
import { afterEach, expect, it, vi } from 'vitest';
import type { Caller } from '../../api.ts';
import { simulateShowingProgress } from './show-progress.ts';

afterEach(() => vi.restoreAllMocks());

const gone = new CodedError({
  code: 'control_plane_unreachable',
  category: 'unavailable',
  detail: 'No usable answer.',
});
const bundle = { schema: '', policies: [], entities: [], limits: [], rates: {}, tests: [] };
const running = { id: 'sim_1', status: 'running', progress: { done: 3, of: 9 } };

/** A control plane that gives these answers in order and then is unreachable. */
function answering(...answers: readonly unknown[]): Caller {
  const rest = answers.values();
  return {
    issuer: 'http://localhost',
    token: async () => ({ accessToken: '', scope: '', expiresAt: Number.POSITIVE_INFINITY, authorizationDetails: [] }),
    client: {
      async callOrThrow() {
        const { done, value } = rest.next();
        if (done === true) throw gone;
        return value;
      },
    },
  };
}

function stderr(): () => string {
  const written: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  return () => written.join('');
}

it('ends its line if the control plane disconnects, so that the message starts a new one', async () => {
  const written = stderr();
  await expect(simulateShowingProgress(answering(running), bundle, {})).rejects.toBe(gone);
  expect(written()).toMatch(/3 of 9 records\n$/);
});

it('shows nothing of a simulation that never started', async () => {
  const written = stderr();
  await expect(simulateShowingProgress(answering(), bundle, {})).rejects.toBe(gone);
  expect(written()).toBe('');
});
