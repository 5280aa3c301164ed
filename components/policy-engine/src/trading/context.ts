import { Datetime, type EntityReference, type RecordValue } from '@countersign/cedar';
import { carriesThrough } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { isScope, kindOfScope } from '@countersign/market';
import { recordShape } from '../decision/record-shape.ts';
import type { ValueMaker } from '../decision/value-maker.ts';
import { isStaffed } from './desk-hours.ts';
import { gatesOver } from './gates.ts';
import type { IntentView } from './intent-view.ts';
import type { KnownDirectory, KnownPrincipal } from './known-directory.ts';
import { knownReference } from './known-references.ts';
import { ageOfSignIn } from './token-sign-in.ts';
import type { TradingInput } from './trading-input.ts';

/** What the installation is: the same for every decision it makes. */
export interface Installation {
  /** Only here does a sign-in for development count. */
  readonly development: boolean;
  /** Where its data is worked on. */
  readonly region: string;
}

const circumstancesRecord = recordShape(
  'acr',
  'algo',
  'audience',
  'authAgeSeconds',
  'boundToIntent',
  'carriesThrough',
  'claimedDevice',
  'claimedSignals',
  'client',
  'deskOpen',
  'development',
  'device',
  'gates',
  'institution',
  'mandateStands',
  'now',
  'partner',
  'region',
  'scopes',
  'signals',
  'step',
);
const algoRecord = recordShape('artifactSha256', 'certId', 'modelId', 'version');
const partnerRecord = recordShape('claims', 'institution');
const stepRecord = recordShape('events', 'transaction');

/**
 * The schema's `Circumstances`.
 *
 * @param references takes what of the directory they name
 */
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
    /** The device of the sign-in, where it counts. */
    readonly device: EntityReference | undefined;
    /** The device that the caller names, where it counts. */
    readonly claimedDevice: EntityReference | undefined;
    /** Those that stand by our own records; see `signalsOver`. */
    readonly signals: readonly string[];
    readonly directory: KnownDirectory;
    readonly installation: Installation;
    readonly make: ValueMaker;
    readonly references: EntityReference[];
  },
): RecordValue {
  const { context } = input;
  const { acr, at, partner, scopes, step } = context;
  const desk = principal?.desk;
  const vouching = partner === undefined ? undefined : knownReference('Institution', make.text(partner.institution));
  if (vouching !== undefined) references.push(vouching);
  // The artefact is read from the intent that was digested, not from what the caller says beside it.
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
    /* audience */ make.text(context.audience),
    /* authAgeSeconds */ ageOfSignIn(context),
    /* boundToIntent */ context.boundToIntent,
    /* carriesThrough */ beginsNothing(input),
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
    /* mandateStands */ context.mandateStands,
    /* now */ instantOf(at, make),
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
  ]);
}

const none: readonly string[] = [];

/** Many decisions are made within one millisecond. */
let lastInstant = new Datetime(Number.NaN);

function instantOf(at: number, make: ValueMaker): Datetime {
  if (lastInstant.epochMilliseconds === at) return lastInstant;
  const instant = make.datetime(toInstant(at));
  // Not one that Cedar cannot read.
  if (make.sound) lastInstant = instant;
  return instant;
}

/**
 * Whom compliance must have cleared: everybody in a transaction, with who acts and the client whose account it is for; of
 * an interface, the institution that asks for it.
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
    // Mostly the same firm as the one in whose name it is.
    if (acting !== undefined && acting !== view.entity) leis.push(acting);
    if (client !== undefined && client !== view.entity) leis.push(client);
    // Whose an account is that nobody registered, nobody knows: by its own name it is cleared by nobody.
    for (const account of view.allocatedTo ?? none) leis.push(directory.ownerOf(account) ?? make.text(account));
    for (const party of view.parties) leis.push(party);
    return leis;
  }
  return principal === undefined ? none : [principal.institution];
}

/**
 * The firms that an intent names beside who acts, in whose name it is, and the client whose account it is for: of those the
 * policies ask by themselves.
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

/** Whether a step, or every scope of a token, begins nothing new. */
function beginsNothing({ action, resource, context }: Pick<TradingInput, 'action' | 'resource' | 'context'>): boolean {
  const facts = resource.type === 'transaction' ? resource.facts : undefined;
  if (action !== 'token:issue') return facts !== undefined && carriesThrough(facts, [action]);
  const begin = context.scopes.filter(mayBegin);
  // An intent without a scope says nothing of what it is for.
  if (begin.length === 0) return facts === undefined || context.scopes.length > 0;
  return facts === undefined ? context.step?.carriesThrough === true : carriesThrough(facts, begin);
}

/** Reading and cancelling begin nothing; what is no scope of the vocabulary opens no market. */
function mayBegin(scope: string): boolean {
  return isScope(scope) && !['reading', 'cancelling'].includes(kindOfScope(scope));
}

/** A device that is named and does not count must not be better than one that counts and fails: it is a signal. */
const strangeDevice = 'device-unknown';

function withStrangeDevice(
  signals: readonly string[],
  named: string | undefined,
  counting: EntityReference | undefined,
): readonly string[] {
  if (named === undefined || counting !== undefined || signals.includes(strangeDevice)) return signals;
  return [...signals, strangeDevice];
}
