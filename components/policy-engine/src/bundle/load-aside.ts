import { cedarErrors, type ExaminedPolicySet, type ParsedPolicy, parsedFrom, RecentSets } from '@countersign/cedar';
import { type PolicyBundle, policyErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { startThread, workerFile } from '@countersign/runtime';
import { rulesOf } from './application.ts';
import type { FromExamination, ToExamination } from './examination-worker.ts';
import { inTurns } from './in-turns.ts';
import { inModel, inOurWords, type LoadedBundle, loading, withApplications } from './load-bundle.ts';
import { joinPolicies } from './located.ts';

/** Far longer than the largest bundle takes: whoever has not answered by then never will. */
const longestMs = 120_000;

/** Bundles that wait in a line: each is held whole until its turn comes. */
const mostWaiting = 16;
/** For what decides from now on, which nobody holds up who only has a bundle looked at: that one may take minutes. */
const urgentLine = createLine();
const ordinaryLine = createLine();

/**
 * As `loadBundle`, for a process that also answers others: Cedar's engine works in a thread, and what is made of its
 * findings is made in turns with other work. One bundle at a time of each line: each holds an engine of its own, and a
 * node has decisions to make.
 *
 * @param urgent for what decides from now on: it does not wait for those that are only looked at
 * @throws CodedError `policy_invalid` as `loadBundle`; `bundles_waiting` when too many wait; `reference_failed` when the
 *   thread dies, which may say nothing about the bundle
 */
export async function loadBundleAside(bundle: PolicyBundle, urgent?: 'urgent'): Promise<LoadedBundle> {
  const inLine = urgent === undefined ? ordinaryLine : urgentLine;
  return inLine(() => load(bundle));
}

/** Lets one load after the other. */
function createLine(): (work: () => Promise<LoadedBundle>) => Promise<LoadedBundle> {
  const waiting: (() => void)[] = [];
  let busy = false;
  return async (work) => {
    if (busy && waiting.length >= mostWaiting)
      throw policyErrors.error('bundles_waiting', 'Too many bundles wait to be read on this node. Try again shortly.');
    if (busy) await new Promise<void>((resolve) => void waiting.push(resolve));
    busy = true;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // Who is next takes over while it is still busy, so that nobody who comes now overtakes.
      if (next === undefined) busy = false;
      else next();
    }
  };
}

async function load(bundle: PolicyBundle): Promise<LoadedBundle> {
  const market = await loadRules(bundle);
  const rules: LoadedBundle[] = [];
  for (const model of bundle.applications ?? []) {
    try {
      rules.push(await loadRules(rulesOf(model)));
    } catch (error) {
      throw inModel(model, error);
    }
  }
  return withApplications(market, rules);
}

/** A change is read when it is proposed, when it is approved, and when it comes into force. */
const recent = new RecentSets<ExaminedPolicySet>();

async function loadRules(bundle: PolicyBundle): Promise<LoadedBundle> {
  try {
    const [policies, schema] = [joinPolicies(bundle), bundle.schema];
    const examined =
      recent.find(policies, schema) ?? recent.keep(policies, schema, await examine({ policies, schema }));
    return await inTurns(loading(bundle, parsedFrom(examined)));
  } catch (error) {
    throw inOurWords(bundle, error);
  }
}

async function examine(told: ToExamination): Promise<ExaminedPolicySet> {
  const worker = startThread(workerFile(import.meta.url, './examination-worker.ts'), {
    name: 'policy-bundle',
    resourceLimits: { maxOldGenerationSizeMb: 1_024 },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<ExaminedPolicySet>((resolve, reject) => {
      const policies: ParsedPolicy[] = [];
      worker.on('message', (said: FromExamination) => {
        if (said.say === 'policies') policies.push(...said.policies);
        else if (said.say === 'examined') resolve({ ...said.rest, policies });
        else reject(refusedByCedar(said));
      });
      worker.on('error', (error) => reject(noAnswer(String(error))));
      worker.on('exit', (code) => reject(noAnswer(`the thread ended with ${code}`)));
      timer = setTimeout(() => reject(noAnswer(`no answer within ${longestMs} ms`)), longestMs);
      // Behind what listens to it, which holds the process again.
      worker.unref();
      worker.postMessage(told);
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function noAnswer(internal: string): CodedError {
  return cedarErrors.error('reference_failed', 'The policies could not be read to their end. Try again.', { internal });
}

function refusedByCedar({ code, detail, facts }: Extract<FromExamination, { say: 'refused' }>): CodedError {
  const known = (['policy_set_refused', 'reference_failed'] as const).find((each) => each === code);
  if (known === undefined) throw new Error(`the thread that reads a bundle refused it with ${code}`);
  return cedarErrors.error(known, detail, facts === undefined ? {} : { facts });
}
