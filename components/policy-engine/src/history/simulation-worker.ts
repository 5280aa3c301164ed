import { parentPort } from 'node:worker_threads';
import { createPageSource, type PageSource } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { loadBundle } from '../bundle/load-bundle.ts';
import { createTrial, type Trial } from './trial.ts';
import type { FromTrial, ToTrial } from './trial-thread.ts';

// The thread of one simulation: parses, evaluates and counts, so that live decisions do not wait. It receives records directly from
// the thread that reads the log. An error ends the thread, and its starter is notified.

let trial: Trial | undefined;
let pages: PageSource | undefined;
let records = 0;

parentPort?.on('message', async (told: ToTrial) => parentPort?.postMessage(await answer(told)));

async function answer(told: ToTrial): Promise<FromTrial> {
  if (told.say === 'load') return load(told);
  if (told.say === 'follow') {
    pages = createPageSource(told.port);
    return { say: 'following' };
  }
  if (trial === undefined || pages === undefined)
    throw new Error('the thread of a simulation got a page before its bundle and its records');
  switch (told.say) {
    case 'next': {
      const page = await pages.next();
      if (page === undefined) return { say: 'ended', counts: trial.counts(), tried: trial.tried() };
      records = page.records;
      const { digests, versions } = trial.read(page);
      return digests.length + versions.length === 0 ? { say: 'judged', records } : { say: 'need', digests, versions };
    }
    case 'judge':
      trial.judge(told.facts, told.limits);
      return { say: 'judged', records };
    default:
      return told satisfies never;
  }
}

function load({ bundle, filter, limits }: Extract<ToTrial, { say: 'load' }>): FromTrial {
  try {
    const loaded = loadBundle(bundle);
    trial = createTrial(loaded, filter, limits);
    return { say: 'loaded', hash: loaded.hash };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { say: 'refused', detail: error.detail, facts: error.facts };
  }
}
