import type { DescribedDetail, DetailRendering } from '@countersign/contracts';
import { isVisibleText, type Json, membersOf } from '@countersign/kernel';

type Members = Readonly<Record<string, Json>>;

interface Leaf {
  /** JSON pointer into the detail; `*` stands for each item of a list. */
  readonly pointer: string;
  readonly choices: readonly string[] | undefined;
}

/** Leading, trailing or repeated spaces, stacked combining marks, and marks that strike through. */
const ambiguous = /^ | $| {2}|(?! )\s|\p{M}{3}|[\u0334-\u0338\u20d0-\u20ff]/u;
/** Labels that the consent pages use themselves. */
const ofThePage = [
  ...['Kind of detail', 'Fingerprint of this detail', 'At', 'For', 'Ends', 'You decide as', 'Asked', 'Decide before'],
];

interface RenderingFault {
  readonly code: 'details_rendering_incomplete' | 'details_rendering_invalid';
  readonly message: string;
}

/**
 * Why a rendering cannot show the details of a schema; undefined if it can. Every member needs a line, so that different details
 * look different and nobody consents to something that was not shown.
 * @param schema without a `faultOfDetailSchema`
 */
export function faultOfRendering(schema: Members, { title, lines }: DetailRendering): RenderingFault | undefined {
  const unfit = [title, ...lines.flatMap(({ label, words = {} }) => [label, ...Object.values(words)])].find(
    (text) => !isLabel(text),
  );
  if (unfit !== undefined)
    return invalid(
      `${JSON.stringify(unfit)} is not a valid label. Use letters, digits, spaces and , ' ’ / - in one line`,
    );
  const leaves: Leaf[] = [];
  const hidden = collect(schema, '', leaves);
  if (hidden !== undefined) return { code: 'details_rendering_incomplete', message: hidden };
  const unshown = leaves.find(({ pointer }) => lines.every((line) => line.pointer !== pointer));
  if (unshown !== undefined)
    return { code: 'details_rendering_incomplete', message: `${unshown.pointer} is not shown to the person` };
  for (const [index, { pointer, label, words }] of lines.entries()) {
    const leaf = leaves.find((each) => each.pointer === pointer);
    if (leaf === undefined) return invalid(`${pointer} is not a member of the schema with a value`);
    const before = lines.slice(0, index);
    if (before.some((line) => line.pointer === pointer)) return invalid(`${pointer} has two lines`);
    if (before.some((line) => alike(line.label, label))) return invalid(`two lines have the label ${label}`);
    const fault = words === undefined ? undefined : faultOfWords(words, leaf);
    if (fault !== undefined) return invalid(fault);
  }
  return undefined;
}

/** Excludes text that could be mistaken for a value or for the number of an item. */
function isLabel(text: string): boolean {
  return (
    /^\p{L}(?: ?[\p{L}\p{M}\p{N},'’/-])*$/u.test(text) &&
    isVisibleText(text) &&
    !ambiguous.test(text) &&
    !ofThePage.some((own) => alike(own, text))
  );
}

/** @returns a problem with members that no line could show */
function collect(schema: Members, pointer: string, leaves: Leaf[]): string | undefined {
  const { type, items, minItems } = schema;
  if (type === 'object') {
    const properties = Object.entries(membersOf(schema['properties']) ?? {});
    if (pointer !== '' && !(Array.isArray(schema['required']) && schema['required'].length > 0))
      return `${pointer} could be present without a visible value: it must require one of its members`;
    for (const [name, member] of properties) {
      const hidden = collect(membersOf(member) ?? {}, `${pointer}/${name}`, leaves);
      if (hidden !== undefined) return hidden;
    }
    return undefined;
  }
  const item = type === 'array' ? (membersOf(items) ?? {}) : undefined;
  if (item !== undefined && (typeof minItems !== 'number' || minItems < 1))
    return `${pointer} could be empty without a visible value: its minItems must be 1 or more`;
  if (item !== undefined && ['object', 'array'].includes(String(item['type'])))
    return collect(item, `${pointer}/*`, leaves);
  leaves.push({ pointer, choices: choicesOf(item ?? schema) });
  return undefined;
}

function choicesOf({ type, enum: chosen }: Members): readonly string[] | undefined {
  if (type === 'boolean') return ['true', 'false'];
  return Array.isArray(chosen) ? chosen.filter((each) => typeof each === 'string') : undefined;
}

function faultOfWords(words: Readonly<Record<string, string>>, { pointer, choices }: Leaf): string | undefined {
  if (choices === undefined) return `${pointer} has words, but is not an enum or a boolean`;
  const missing = choices.find((choice) => !Object.hasOwn(words, choice));
  if (missing !== undefined) return `${pointer} has no words for ${missing}`;
  const unknown = Object.keys(words).find((choice) => !choices.includes(choice));
  if (unknown !== undefined) return `${pointer} has words for ${unknown}, which is not one of its values`;
  const said = Object.values(words);
  return said.some((each, index) => said.slice(0, index).some((other) => alike(other, each)))
    ? `${pointer} has the same words for two values`
    : undefined;
}

function invalid(message: string): RenderingFault {
  return { code: 'details_rendering_invalid', message };
}

function alike(one: string, other: string): boolean {
  return folded(one) === folded(other);
}

function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** JSON pointer of text that a page would not show faithfully, because of invisible characters or collapsed spaces. */
export function unshowableText(value: Json, pointer = ''): string | undefined {
  if (typeof value === 'string')
    return isVisibleText(value) && value === value.normalize('NFC') && !ambiguous.test(value) ? undefined : pointer;
  const members: readonly (readonly [string | number, Json])[] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(membersOf(value) ?? {});
  return members
    .map(([name, member]) => unshowableText(member, `${pointer}/${name}`))
    .find((found) => found !== undefined);
}

export function renderDetail({ title, lines }: DetailRendering, members: Members): DescribedDetail {
  const rules = lines.map((line) => ({ ...line, path: line.pointer.split('/').slice(1) }));
  return { title, lines: [...linesOf(members, rules, '')] };
}

type Rule = DetailRendering['lines'][number] & { readonly path: readonly string[] };

/** Keeps the lines of one member together, and lists item by item. */
function* linesOf(value: Json | undefined, rules: readonly Rule[], suffix: string): Generator<Line> {
  const groups = new Map<string | undefined, Rule[]>();
  for (const { path, ...rule } of rules) {
    const [step, ...rest] = path;
    groups.set(step, [...(groups.get(step) ?? []), { ...rule, path: rest }]);
  }
  for (const [step, together] of groups)
    if (step === undefined) for (const rule of together) yield* valuesOf(value, rule, suffix);
    else if (step !== '*') yield* linesOf(membersOf(value)?.[step], together, suffix);
    else if (Array.isArray(value))
      for (const [index, item] of value.entries()) yield* linesOf(item, together, `${suffix} ${index + 1}`);
}

interface Line {
  readonly label: string;
  readonly value: string;
}

function* valuesOf(value: Json | undefined, { label, words }: Rule, suffix: string): Generator<Line> {
  if (value === undefined) return;
  const named = suffix === '' ? label : `${label} (${suffix.trim()})`;
  for (const each of Array.isArray(value) ? value : [value]) yield { label: named, value: wordsOf(each, words) };
}

function wordsOf(value: Json, words: Readonly<Record<string, string>> | undefined): string {
  const said = words?.[String(value)];
  if (said !== undefined) return typeof value === 'boolean' ? said : `${said} (${String(value)})`;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'number' ? value.toLocaleString('en') : String(value);
}
