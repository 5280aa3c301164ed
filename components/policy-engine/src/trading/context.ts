import type { DecisionInput, DirectorySnapshot, Principal } from '@countersign/contracts';
import { type Json, toInstant } from '@countersign/kernel';
import { escaped, extensionText, listText, referenceText } from '../decision/canonical-text.ts';
import type { Uid } from '../decision/posed.ts';
import { isStaffed } from './desk-hours.ts';
import { datetimeOf, deskOf, reference } from './entities.ts';
import { gatesOver } from './gates.ts';
import type { IntentView } from './intent-view.ts';

/** What the installation is: the same for every decision it makes. */
export interface Installation {
  /** Only here does a sign-in for development count. */
  readonly development: boolean;
  /** Where its data is worked on. */
  readonly region: string;
}

/** A sign-in may be so much newer than our clock; beyond that its age says nothing. */
const clockSkewSeconds = 60;

/** The schema's `Circumstances`, in Cedar's JSON form; its canonical text; and what of the directory it names. */
export function circumstances(
  { context }: Pick<DecisionInput, 'context'>,
  {
    principal,
    view,
    directory,
    installation,
  }: {
    readonly principal: Principal | undefined;
    readonly view: IntentView | undefined;
    readonly directory: DirectorySnapshot;
    readonly installation: Installation;
  },
): { readonly json: Readonly<Record<string, Json>>; readonly text: string; readonly references: readonly Uid[] } {
  const { acr, actorDepth, at, audience, client, institution, mandateStands, partner, scopes } = context;
  const authAgeSeconds = ageOf(context);
  const desk = principal === undefined ? undefined : deskOf(directory, principal);
  const deskOpen = desk !== undefined && isStaffed(desk.hours, at);
  const device = deviceOf(context.device, principal, directory);
  const signals = signalsOf(context, device);
  const gates = gatesOver(gated(principal, view, directory), directory, at);
  const now = instantOf(at);
  // The artefact is read from the intent that was digested, not from what the caller says beside it.
  const algo = view?.algo;
  const { development, region } = installation;

  // Assigned one by one: an object spread for each fact that may be missing costs more than the policies do. Members
  // and their text come in canonical order.
  const json: Record<string, Json> = {};
  let text = '{';
  const references: Uid[] = [];
  if (acr !== undefined) {
    json['acr'] = acr;
    text += `"acr":"${escaped(acr)}",`;
  }
  json['actorDepth'] = actorDepth;
  text += `"actorDepth":${actorDepth},`;
  if (algo !== undefined) {
    json['algo'] = algo;
    text += `"algo":${JSON.stringify(algo)},`;
  }
  json['audience'] = audience;
  text += `"audience":"${escaped(audience)}",`;
  if (authAgeSeconds !== undefined) {
    json['authAgeSeconds'] = authAgeSeconds;
    text += `"authAgeSeconds":${authAgeSeconds},`;
  }
  json['client'] = client;
  json['deskOpen'] = deskOpen;
  json['development'] = development;
  text += `"client":"${escaped(client)}","deskOpen":${deskOpen},"development":${development},`;
  if (device !== undefined) {
    const named = reference('Device', device);
    references.push(named.__entity);
    json['device'] = named;
    text += `"device":${referenceText('Device', device)},`;
  }
  json['gates'] = gates.json;
  json['institution'] = institution;
  json['mandateStands'] = mandateStands;
  json['now'] = datetimeOf(now);
  text += `"gates":${gates.text},"institution":"${escaped(institution)}","mandateStands":${mandateStands},"now":${extensionText('datetime', now)},`;
  if (partner !== undefined) {
    const vouching = { claims: [...partner.claims], institution: reference('Institution', partner.institution) };
    references.push(vouching.institution.__entity);
    json['partner'] = vouching;
    text += `"partner":${JSON.stringify(vouching)},`;
  }
  json['region'] = region;
  json['scopes'] = [...scopes];
  json['signals'] = signals;
  text += `"region":"${escaped(region)}","scopes":${listText(scopes)},"signals":${listText(signals)}}`;
  return { json, text, references };
}

const none: readonly string[] = [];

/** Many decisions are made within one millisecond. */
let lastInstant = { at: Number.NaN, text: '' };

function instantOf(at: number): string {
  if (lastInstant.at !== at) lastInstant = { at, text: toInstant(at) };
  return lastInstant.text;
}

/**
 * Whom compliance must have cleared: everybody in a transaction, with who acts and the client whose account it is for; of
 * an interface, the institution that asks for it.
 */
function gated(
  principal: Principal | undefined,
  view: IntentView | undefined,
  directory: DirectorySnapshot,
): readonly string[] {
  if (view !== undefined) {
    const acting = principal?.institution;
    const client = view.account === undefined ? undefined : directory.account(view.account)?.institution;
    const leis = [view.entity];
    // Mostly the same firm as the one in whose name it is.
    if (acting !== undefined && acting !== view.entity) leis.push(acting);
    if (client !== undefined && client !== view.entity) leis.push(client);
    // Whose an account is that nobody registered, nobody knows: by its own name it is cleared by nobody.
    for (const account of view.allocatedTo ?? none) leis.push(directory.account(account)?.institution ?? account);
    leis.push(...view.parties);
    return leis;
  }
  return principal === undefined ? [] : [principal.institution];
}

function ageOf({ at, authTime }: DecisionInput['context']): number | undefined {
  if (authTime === undefined) return undefined;
  const age = Math.floor(at / 1000) - authTime;
  return age < -clockSkewSeconds || !Number.isSafeInteger(age) ? undefined : Math.max(age, 0);
}

/** A device that is named and does not count must not be better than one that counts and fails: it is a signal. */
const strangeDevice = 'device-unknown';

function signalsOf(
  { device: named, signals = none }: DecisionInput['context'],
  device: string | undefined,
): readonly string[] {
  if (named === undefined || device !== undefined || signals.includes(strangeDevice)) return [...signals];
  return [...signals, strangeDevice];
}

/** A device counts when it is the person's own, or nobody's in particular of their institution. */
function deviceOf(
  id: string | undefined,
  principal: Principal | undefined,
  directory: DirectorySnapshot,
): string | undefined {
  const device = id === undefined || principal === undefined ? undefined : directory.device(id);
  if (device === undefined || principal === undefined || device.institution !== principal.institution) return undefined;
  return device.holder === undefined || device.holder === principal.id ? device.id : undefined;
}
