import { cedarErrors, type ExaminedPolicySet, type ParsedPolicy, parsedFrom, RecentSets } from '@countersign/cedar';
import { type PolicyBundle, policyErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { startThread, workerFile } from '@countersign/runtime';
import type { FromExamination, ToExamination } from './examination-worker.ts';
import { inTurns } from './in-turns.ts';
import { inModel, inOurWords, type LoadedBundle, loading, withApplications } from './load-bundle.ts';
import { rulesOf } from './loaded-bundle.ts';
import { joinPolicies } from './located.ts';

/** Far longer than the largest bundle takes. */
const longestMs = 120_000;

/** Maximum number of waiting bundles in a queue, because each stays in memory. */
const mostWaiting = 16;
/** For bundles about to come into force. They must not wait behind bundles that are only examined, which may take minutes. */
const urgentLine = createLine();
const ordinaryLine = createLine();

/**
 * `loadBundle` for a process that also serves requests: Cedar's engine runs in a thread, and the remaining work yields to other
 * work. Each queue loads one bundle at a time, because each bundle needs an engine of its own.
 * @param urgent for a bundle about to come into force
 * @throws CodedError `policy_invalid` as `loadBundle`; `bundles_waiting` if the queue is full; `reference_failed` if the thread dies,
 *   which may be unrelated to the bundle
 */
export async function loadBundleAside(bundle: PolicyBundle, urgent?: 'urgent'): Promise<LoadedBundle> {
  const inLine = urgent === undefined ? ordinaryLine : urgentLine;
  return inLine(() => load(bundle));
}

function createLine(): (work: () => Promise<LoadedBundle>) => Promise<LoadedBundle> {
  const waiting: (() => void)[] = [];
  let busy = false;
  return async (work) => {
    if (busy && waiting.length >= mostWaiting)
      throw policyErrors.error('bundles_waiting', 'Too many bundles are waiting on this node. Try again shortly.');
    if (busy) await new Promise<void>((resolve) => void waiting.push(resolve));
    busy = true;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The next one takes over while `busy` stays true, so that no newcomer overtakes it.
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

/** Cached, because a change is read at proposal, at approval, and when it comes into force. */
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
      // After the listeners, which would keep the process alive again.
      worker.unref();
      worker.postMessage(told);
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function noAnswer(internal: string): CodedError {
  return cedarErrors.error('reference_failed', 'The policies could not be read completely. Try again.', { internal });
}

function refusedByCedar({ code, detail, facts }: Extract<FromExamination, { say: 'refused' }>): CodedError {
  const known = (['policy_set_refused', 'reference_failed'] as const).find((each) => each === code);
  if (known === undefined) throw new Error(`the thread that reads a bundle refused it with ${code}`);
  return cedarErrors.error(known, detail, facts === undefined ? {} : { facts });
}
