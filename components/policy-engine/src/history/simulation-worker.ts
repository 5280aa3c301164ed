import { parentPort } from 'node:worker_threads';
import { isCodedError } from '@countersign/kernel';
import { loadBundle } from '../bundle/load-bundle.ts';
import type { FromTrial, ToTrial } from './simulation-messages.ts';
import { createTrial, type Trial } from './trial.ts';

// The thread of one simulation: it parses, judges and counts, so that the decisions of today do not wait for those of
// yesterday. It has no connection to anything but the thread that started it.

let trial: Trial | undefined;

parentPort?.on('message', (told: ToTrial) => parentPort?.postMessage(answer(told)));

function answer(told: ToTrial): FromTrial {
  if (told.say === 'load') return load(told);
  if (trial === undefined) throw new Error('the thread of a simulation was given a page before a bundle');
  switch (told.say) {
    case 'read':
      return { say: 'need', digests: trial.read(told.page) };
    case 'judge':
      trial.judge(told.facts);
      return { say: 'judged' };
    case 'count':
      return { say: 'counted', counts: trial.counts() };
    default:
      return told satisfies never;
  }
}

function load({ bundle, filter }: Extract<ToTrial, { say: 'load' }>): FromTrial {
  try {
    const loaded = loadBundle(bundle);
    trial = createTrial(loaded, filter);
    return { say: 'loaded', hash: loaded.hash };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { say: 'refused', detail: error.detail, facts: error.facts };
  }
}
