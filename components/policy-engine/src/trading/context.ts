import { Datetime, type EntityReference, type RecordValue } from '@countersign/cedar';
import { onlyCompletes } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { isScope, kindOfScope } from '@countersign/market';
import { recordShape, type ValueMaker } from '../decision/value-maker.ts';
import { isStaffed } from './desk-hours.ts';
import { gatesOver } from './gates.ts';
import type { IntentView } from './intent-view.ts';
import type { KnownDirectory, KnownPrincipal } from './known-directory.ts';
import { knownReference } from './known-reference.ts';
import { ageOfSignIn } from './token-sign-in.ts';
import type { TradingInput } from './trading-input.ts';

export interface Installation {
  readonly development: boolean;
  readonly region: string;
}

const circumstancesRecord = recordShape(
  ...([
    'acr',
    'algo',
    'amr',
    'audience',
    'authAgeSeconds',
    'boundToIntent',
    'claimedDevice',
    'claimedSignals',
  ] as const),
  ...(['client', 'deskOpen', 'development', 'device', 'gates', 'institution', 'mandateInForce', 'now'] as const),
  ...(['onlyCompletes', 'partner', 'region', 'scopes', 'signals', 'step', 'workload'] as const),
);
const algoRecord = recordShape('artifactSha256', 'certId', 'modelId', 'version');
const workloadRecord = recordShape('configuration', 'environment', 'image', 'level');
const partnerRecord = recordShape('claims', 'institution');
const stepRecord = recordShape('events', 'transaction');

/** The schema's `Circumstances`. @param references collects the referenced entities of the directory */
export function circumstances(
  input: Pick<TradingInput, 'action' | 'resource' | 'context'>,
  {
    principal,
    view,
    device,
    claimedDevice,
    signals,
    directory,
    installation,
    make,
    references,
  }: {
    readonly principal: KnownPrincipal | undefined;
    readonly view: IntentView | undefined;
    /** The device of the sign-in, if it counts. */
    readonly device: EntityReference | undefined;
    /** The device that the caller claims, if it counts. */
    readonly claimedDevice: EntityReference | undefined;
    readonly signals: readonly string[];
    readonly directory: KnownDirectory;
    readonly installation: Installation;
    readonly make: ValueMaker;
    readonly references: EntityReference[];
  },
): RecordValue {
  const { context } = input;
  const { acr, at, partner, scopes, step, workload } = context;
  const desk = principal?.desk;
  const vouching = partner === undefined ? undefined : knownReference('Institution', make.text(partner.institution));
  if (vouching !== undefined) references.push(vouching);
  // Read from the digested intent, not from the caller's claims.
  const algo = view?.algo;
  return circumstancesRecord([
    /* acr */ make.maybe(acr),
    /* algo */
    algo === undefined
      ? undefined
      : algoRecord([
          /* artifactSha256 */ make.text(algo.artifactSha256),
          /* certId */ make.maybe(algo.certId),
          /* modelId */ make.text(algo.modelId),
          /* version */ make.text(algo.version),
        ]),
    /* amr */ context.amr === undefined || context.amr.length === 0 ? undefined : make.texts(context.amr),
    /* audience */ make.text(context.audience),
    /* authAgeSeconds */ ageOfSignIn(context),
    /* boundToIntent */ context.boundToIntent,
    /* claimedDevice */ claimedDevice,
    /* claimedSignals */ make.texts(
      withStrangeDevice(context.claimedSignals ?? none, context.claimedDevice, claimedDevice),
    ),
    /* client */ make.text(context.client),
    /* deskOpen */ desk !== undefined && isStaffed(desk.hours, at),
    /* development */ installation.development,
    /* device */ device,
    /* gates */ gatesOver(gated(principal, view, directory, make), named(principal, view, directory, make), directory, {
      at,
      make,
    }),
    /* institution */ make.text(context.institution),
    /* mandateInForce */ context.mandateInForce,
    /* now */ instantOf(at, make),
    /* onlyCompletes */ beginsNothing(input),
    /* partner */
    partner === undefined || vouching === undefined
      ? undefined
      : partnerRecord([/* claims */ make.texts(partner.claims), /* institution */ vouching]),
    /* region */ make.text(installation.region),
    /* scopes */ make.texts(scopes),
    /* signals */ make.texts(withStrangeDevice(signals, context.device, device)),
    /* step */
    step === undefined
      ? undefined
      : stepRecord([/* events */ make.texts(step.events), /* transaction */ make.text(step.transaction)]),
    /* workload */
    workload === undefined
      ? undefined
      : workloadRecord([
          /* configuration */ make.maybe(workload.configuration),
          /* environment */ make.text(workload.environment),
          /* image */ make.text(workload.image),
          /* level */ make.text(workload.level),
        ]),
  ]);
}

const none: readonly string[] = [];

/** Cached, because many decisions fall into one millisecond. */
let lastInstant = new Datetime(Number.NaN);

function instantOf(at: number, make: ValueMaker): Datetime {
  if (lastInstant.epochMilliseconds === at) return lastInstant;
  const instant = make.datetime(toInstant(at));
  // Do not cache an instant that Cedar cannot read.
  if (make.sound) lastInstant = instant;
  return instant;
}

/**
 * The institutions that compliance must have cleared: for a transaction the acting one, the client and every party; for an
 * interface the requesting institution.
 */
function gated(
  principal: KnownPrincipal | undefined,
  view: IntentView | undefined,
  directory: KnownDirectory,
  make: ValueMaker,
): readonly string[] {
  if (view !== undefined) {
    const acting = principal?.institution;
    const client = view.account === undefined ? undefined : directory.ownerOf(view.account);
    const leis = [view.entity];
    // Usually the same firm.
    if (acting !== undefined && acting !== view.entity) leis.push(acting);
    if (client !== undefined && client !== view.entity) leis.push(client);
    // An unregistered account has no known holder. Its own id is never cleared, so it fails the gate.
    for (const account of view.allocatedTo ?? none) leis.push(directory.ownerOf(account) ?? make.text(account));
    for (const party of view.parties) leis.push(party);
    return leis;
  }
  return principal === undefined ? none : [principal.institution];
}

/**
 * The other firms in an intent, without the acting one, the one in whose name it is, and the client, which policies check
 * separately.
 */
function named(
  principal: KnownPrincipal | undefined,
  view: IntentView | undefined,
  directory: KnownDirectory,
  make: ValueMaker,
): readonly string[] {
  if (view === undefined || (view.parties.length === 0 && view.allocatedTo === undefined)) return none;
  const client = view.account === undefined ? undefined : directory.ownerOf(view.account);
  const leis = (view.allocatedTo ?? none).map((account) => directory.ownerOf(account) ?? make.text(account));
  for (const party of view.parties) leis.push(party);
  return leis.filter((lei) => lei !== view.entity && lei !== principal?.institution && lei !== client);
}

/** Whether a step, or every scope of a token, creates no new risk. */
function beginsNothing({ action, resource, context }: Pick<TradingInput, 'action' | 'resource' | 'context'>): boolean {
  const facts = resource.type === 'transaction' ? resource.facts : undefined;
  if (action !== 'token:issue') return facts !== undefined && onlyCompletes(facts, [action]);
  const begin = context.scopes.filter(mayBegin);
  // Without scopes the purpose of an intent is unknown.
  if (begin.length === 0) return facts === undefined || context.scopes.length > 0;
  return facts === undefined ? context.step?.onlyCompletes === true : onlyCompletes(facts, begin);
}

/** Reading and cancelling create no new risk; an unknown scope opens no market. */
function mayBegin(scope: string): boolean {
  return isScope(scope) && !['reading', 'cancelling'].includes(kindOfScope(scope));
}

/** Signal for a named device that does not count. Otherwise it would be treated better than a failing device that counts. */
const strangeDevice = 'device-unknown';

function withStrangeDevice(
  signals: readonly string[],
  named: string | undefined,
  counting: EntityReference | undefined,
): readonly string[] {
  if (named === undefined || counting !== undefined || signals.includes(strangeDevice)) return signals;
  return [...signals, strangeDevice];
}
