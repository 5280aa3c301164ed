import { parentPort } from 'node:worker_threads';
import { createPageSource, type PageSource } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { loadBundle } from '../bundle/load-bundle.ts';
import type { FromTrial, ToTrial } from './simulation-messages.ts';
import { createTrial, type Trial } from './trial.ts';

// The thread of one simulation: it parses, judges and counts, so that the decisions of today do not wait for those of
// yesterday. Records come to it straight from the thread that reads the log; it has no other connection but to the thread
// that started it. What goes wrong ends it, and who started it learns of that.

let trial: Trial | undefined;
let pages: PageSource | undefined;
/** Records on the page that is being judged. */
let records = 0;

parentPort?.on('message', async (told: ToTrial) => parentPort?.postMessage(await answer(told)));

async function answer(told: ToTrial): Promise<FromTrial> {
  if (told.say === 'load') return load(told);
  if (told.say === 'follow') {
    pages = createPageSource(told.port);
    return { say: 'following' };
  }
  if (trial === undefined || pages === undefined)
    throw new Error('the thread of a simulation was told to judge nothing');
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
