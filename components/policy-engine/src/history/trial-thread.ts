import type { MessagePort } from 'node:worker_threads';
import type { PolicyBundle } from '@countersign/contracts';
import type { Digest, Json } from '@countersign/kernel';
import { startThread, workerFile } from '@countersign/runtime';
import type { Counts, DecidedBy, TrialFilter } from './trial.ts';

/** Far longer than any page takes. */
const longestAnswerMs = 120_000;

export interface TrialThread {
  /** @throws Error if the thread has died, was stopped, or does not answer */
  ask<Said extends FromTrial['say']>(
    told: ToTrial,
    ...expected: readonly Said[]
  ): Promise<Extract<FromTrial, { say: Said }>>;
  /** @throws Error if the thread dies or is stopped before the work is done */
  whileItLives<Result>(work: Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

export function startTrialThread(): TrialThread {
  const worker = startThread(workerFile(import.meta.url, './simulation-worker.ts'), {
    name: 'policy-simulation',
    // A young generation that holds a whole page avoids copying, because a page is garbage once it is evaluated.
    resourceLimits: { maxYoungGenerationSizeMb: 128, maxOldGenerationSizeMb: 1_024 },
  });
  let waiting: { resolve(said: FromTrial): void; reject(error: Error): void } | undefined;
  let ended: Error | undefined;
  /** Rejects work that waits for the thread. A promise shared by all `Promise.race` calls would keep all their results in memory. */
  const dependents = new Set<(error: Error) => void>();
  const end = (error: Error): void => {
    ended ??= error;
    for (const reject of dependents) reject(ended);
    waiting?.reject(ended);
  };
  worker.on('message', (said: FromTrial) => waiting?.resolve(said));
  worker.on('error', end);
  worker.on('exit', () => end(new Error('the thread of the simulation has ended')));
  // After the listeners, which would keep the process alive again.
  worker.unref();

  return {
    async ask(told, ...expected) {
      if (ended !== undefined) throw ended;
      if (waiting !== undefined) throw new Error('the thread of the simulation was asked twice at once');
      let timer: NodeJS.Timeout | undefined;
      try {
        const said = await new Promise<FromTrial>((resolve, reject) => {
          waiting = { resolve, reject };
          timer = setTimeout(() => reject(new Error('the thread of the simulation does not answer')), longestAnswerMs);
          worker.postMessage(told, told.say === 'follow' ? [told.port] : []);
        });
        const wanted = expected.find((say) => say === said.say);
        if (wanted === undefined) throw new Error(`the thread of the simulation said ${said.say} out of turn`);
        // Of the kind that was compared above.
        return said as Extract<FromTrial, { say: typeof wanted }>;
      } finally {
        clearTimeout(timer);
        waiting = undefined;
      }
    },
    async whileItLives(work) {
      let stopWaiting: (error: Error) => void = () => undefined;
      const death = new Promise<never>((_, reject) => {
        stopWaiting = reject;
      });
      if (ended !== undefined) stopWaiting(ended);
      dependents.add(stopWaiting);
      try {
        return await Promise.race([work, death]);
      } finally {
        dependents.delete(stopWaiting);
      }
    },
    async stop() {
      end(new Error('the simulation was stopped'));
      await worker.terminate();
    },
  };
}

/** Messages to the thread of a simulation, one at a time: `load`, `follow`, then `next` until the end. */
export type ToTrial =
  | {
      readonly say: 'load';
      readonly bundle: PolicyBundle;
      readonly filter: TrialFilter;
      readonly limits: readonly string[];
    }
  /** The source of records: the port of a `RecordStream`. */
  | { readonly say: 'follow'; readonly port: MessagePort }
  | { readonly say: 'next' }
  /** After `need`: evaluate the rest of the page with these. */
  | {
      readonly say: 'judge';
      readonly facts: readonly (readonly [Digest, string])[];
      readonly limits: readonly (readonly [Digest, readonly Json[] | undefined])[];
    };

/** Answers of the thread, one for each message. */
export type FromTrial =
  | { readonly say: 'loaded'; readonly hash: Digest }
  | {
      readonly say: 'refused';
      readonly detail: string;
      readonly facts: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly say: 'following' }
  /** Entities, and versions for their limits, that the thread still needs for the page. */
  | { readonly say: 'need'; readonly digests: readonly Digest[]; readonly versions: readonly DecidedBy[] }
  | { readonly say: 'judged'; readonly records: number }
  | { readonly say: 'ended'; readonly counts: Counts; readonly tried: ReadonlyMap<string, number> };
