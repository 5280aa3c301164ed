import { type DecimalString, type MandateId, parseDecimal, parseId, parseInstant } from '@countersign/kernel';
import {
  artifactPattern,
  type Capacity,
  capacities,
  idempotencyKeyPattern,
  identifierPattern,
  type Side,
  sides,
  type TimeInForce,
  timesInForce,
} from './authorization-details/index.ts';
import { parseDateTime } from './calendar.ts';
import {
  amountForm,
  type Cfi,
  type Country,
  type Currency,
  checkVenue,
  type Isin,
  type Lei,
  type Mic,
  parseAmount,
  parseCfi,
  parseCountry,
  parseCurrency,
  parseIsin,
  parseLei,
  parseMic,
  type VenueRegistry,
} from './codes/index.ts';
import { accept, type Parsed, refuse } from './parsed.ts';
import { type PartyRole, partyRoles } from './roles.ts';

/** An order from an order management system, with every code checked. */
export interface Order {
  readonly clientOrderId: string;
  readonly idempotencyKey: string;
  readonly account: string;
  readonly entityLei: Lei;
  readonly isin: Isin;
  readonly cfi: Cfi;
  readonly venueMic: Mic;
  readonly side: Side;
  readonly quantity: DecimalString;
  readonly limitPrice?: DecimalString;
  readonly currency: Currency;
  readonly notional: DecimalString;
  readonly timeInForce: TimeInForce;
  readonly capacity: Capacity;
  readonly parties: readonly { readonly role: PartyRole; readonly lei: Lei }[];
  readonly algo?: {
    readonly modelId: string;
    readonly version: string;
    readonly artifactSha256: string;
    readonly certId?: string;
  };
  readonly jurisdiction: Country;
  readonly notAfter: string;
  readonly mandateId?: MandateId;
}

export interface OrderProblem {
  readonly field: string;
  readonly code: string;
  readonly detail: string;
}

export interface OrderContext {
  readonly venues: VenueRegistry;
  readonly at: number;
}

const orderFields: ReadonlySet<string> = new Set([
  'clientOrderId',
  'idempotencyKey',
  'account',
  'entityLei',
  'isin',
  'cfi',
  'venueMic',
  'side',
  'quantity',
  'limitPrice',
  'currency',
  'notional',
  'timeInForce',
  'capacity',
  'parties',
  'algo',
  'jurisdiction',
  'notAfter',
  'mandateId',
] satisfies (keyof Order)[]);
const partyFields: ReadonlySet<string> = new Set(['role', 'lei']);
const algoFields: ReadonlySet<string> = new Set(['modelId', 'version', 'artifactSha256', 'certId']);
const maxParties = 32;

/** Parses one order and reports all problems, not only the first one. */
export function parseOrderRow(
  row: unknown,
  context: OrderContext,
):
  | { readonly ok: true; readonly order: Order }
  | { readonly ok: false; readonly problems: [OrderProblem, ...OrderProblem[]] } {
  const fields = fieldsOf(row);
  if (fields === undefined)
    return { ok: false, problems: [{ field: '', code: 'order_malformed', detail: 'An order is a JSON object.' }] };

  const problems: OrderProblem[] = [];
  const take = <Value>(field: string, parsed: Parsed<Value, string>): Value | undefined => {
    if (parsed.ok) return parsed.value;
    problems.push({ field, code: parsed.code, detail: parsed.detail });
    return undefined;
  };
  const required = <Value>(name: keyof Order, parse: (value: unknown) => Parsed<Value, string>): Value | undefined => {
    const value = fields.get(name);
    return take(
      `/${name}`,
      value === undefined ? refuse('field_missing', `The field ${name} is missing.`) : parse(value),
    );
  };
  const optional = <Value>(name: keyof Order, parse: (value: unknown) => Parsed<Value, string>): Value | undefined => {
    const value = fields.get(name);
    return value === undefined ? undefined : take(`/${name}`, parse(value));
  };

  for (const problem of unknownFields(fields, orderFields, '')) problems.push(problem);
  const currency = required('currency', parseCurrency);
  const read = {
    clientOrderId: required('clientOrderId', parseIdentifier),
    idempotencyKey: required('idempotencyKey', parseIdempotencyKey),
    account: required('account', parseIdentifier),
    entityLei: required('entityLei', parseLei),
    isin: required('isin', parseIsin),
    cfi: required('cfi', parseCfi),
    venueMic: required('venueMic', (value) => parseOpenVenue(value, context)),
    side: required('side', (value) => parseOneOf(value, sides, 'side_unknown')),
    quantity: required(
      'quantity',
      parsePadded((text) => positive(text, 'quantity_malformed', 'quantity_zero')),
    ),
    notional: required(
      'notional',
      parsePadded((text) => parseNotional(text, currency)),
    ),
    timeInForce: required('timeInForce', (value) => parseOneOf(value, timesInForce, 'time_in_force_unknown')),
    capacity: required('capacity', (value) => parseOneOf(value, capacities, 'capacity_unknown')),
    parties: required('parties', (value) => parseList(value, maxParties, 'parties_malformed')),
    jurisdiction: required('jurisdiction', parseCountry),
    notAfter: required('notAfter', (value) => parseDeadline(value, context.at)),
  };
  const parties = (read.parties ?? []).map((party, index) => {
    const path = `/parties/${index}`;
    const members = fieldsOf(party);
    if (members === undefined)
      return take<never>(path, refuse('party_malformed', 'A party is an object of role and lei.'));
    for (const problem of unknownFields(members, partyFields, path)) problems.push(problem);
    const role = take(`${path}/role`, parseOneOf(members.get('role'), partyRoles, 'party_role_unknown'));
    const lei = take(`${path}/lei`, parseLei(members.get('lei')));
    return role === undefined || lei === undefined ? undefined : { role, lei };
  });
  const named = parties.filter((party) => party !== undefined);
  if (new Set(named.map(({ role, lei }) => `${role} ${lei}`)).size !== named.length)
    problems.push({ field: '/parties', code: 'party_twice', detail: 'One firm is named twice in the same role.' });

  const limitPrice = optional('limitPrice', parsePadded(parseNumber));
  const mandateId = optional('mandateId', parseMandateId);
  const algo = optional('algo', accept);
  const algorithm = algo === undefined ? undefined : readAlgo(algo, take, problems);

  const { clientOrderId, idempotencyKey, account, entityLei, isin, cfi, venueMic, side, quantity } = read;
  const { notional, timeInForce, capacity, jurisdiction, notAfter } = read;
  const [first, ...others] = problems;
  if (first !== undefined) return { ok: false, problems: [first, ...others] };
  if (
    clientOrderId === undefined ||
    idempotencyKey === undefined ||
    account === undefined ||
    entityLei === undefined ||
    isin === undefined ||
    cfi === undefined ||
    venueMic === undefined ||
    side === undefined ||
    quantity === undefined ||
    currency === undefined ||
    notional === undefined ||
    timeInForce === undefined ||
    capacity === undefined ||
    jurisdiction === undefined ||
    notAfter === undefined
  )
    throw new Error('a required field of an order was neither read nor refused');
  return {
    ok: true,
    order: {
      clientOrderId,
      idempotencyKey,
      account,
      entityLei,
      isin,
      cfi,
      venueMic,
      side,
      quantity,
      currency,
      notional,
      timeInForce,
      capacity,
      parties: named,
      jurisdiction,
      notAfter,
      ...(limitPrice === undefined ? {} : { limitPrice }),
      ...(algorithm === undefined ? {} : { algo: algorithm }),
      ...(mandateId === undefined ? {} : { mandateId }),
    },
  };
}

function readAlgo(
  value: unknown,
  take: <Value>(field: string, parsed: Parsed<Value, string>) => Value | undefined,
  problems: OrderProblem[],
): Order['algo'] {
  const members = fieldsOf(value);
  if (members === undefined)
    return take<never>(
      '/algo',
      refuse('algo_malformed', 'An algorithm is an object of modelId, version and artifactSha256.'),
    );
  for (const problem of unknownFields(members, algoFields, '/algo')) problems.push(problem);
  const modelId = take('/algo/modelId', parseIdentifier(members.get('modelId')));
  const version = take('/algo/version', parseIdentifier(members.get('version')));
  const artifactSha256 = take('/algo/artifactSha256', parseArtifact(members.get('artifactSha256')));
  const given = members.get('certId');
  const certId = given === undefined ? undefined : take('/algo/certId', parseIdentifier(given));
  if (modelId === undefined || version === undefined || artifactSha256 === undefined) return undefined;
  return { modelId, version, artifactSha256, ...(certId === undefined ? {} : { certId }) };
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : undefined;
}

/** Reports unknown fields, because the sender may rely on them. At most 8 are named. */
function unknownFields(fields: ReadonlyMap<string, unknown>, known: ReadonlySet<string>, path: string): OrderProblem[] {
  return [...fields.keys()]
    .filter((name) => !known.has(name))
    .slice(0, 8)
    .map((name) => ({
      field: path,
      code: 'field_unknown',
      detail: `There is no field here by the name "${/^[\x21-\x7e]{1,64}$/.test(name) ? name : ''}".`,
    }));
}

function parseOpenVenue(value: unknown, { venues, at }: OrderContext): Parsed<Mic, string> {
  const mic = parseMic(value);
  if (!mic.ok) return mic;
  const venue = checkVenue(mic.value, venues, at);
  return venue.ok ? mic : venue;
}

/** Order systems pad amounts ("150.00"). The zeros are removed so that each value has one canonical text. */
function parsePadded<Value>(parse: (text: unknown) => Parsed<Value, string>) {
  return (value: unknown): Parsed<Value, string> => {
    if (typeof value === 'number')
      return refuse(
        'amount_not_text',
        'Amounts are strings: a JSON number passes through binary fractions on its way.',
      );
    const padded = typeof value === 'string' && value.length <= 64 ? /^(\d+)(?:\.(?=\d)(\d*?)0*)?$/.exec(value) : null;
    if (padded === null) return parse(value);
    const [, whole = '', fraction = ''] = padded;
    return parse(fraction === '' ? whole : `${whole}.${fraction}`);
  };
}

function parseNumber(value: unknown): Parsed<DecimalString, 'amount_malformed'> {
  const amount = parseDecimal(value);
  return amount === undefined ? refuse('amount_malformed', amountForm) : accept(amount);
}

function positive(value: unknown, malformed: string, nothing: string): Parsed<DecimalString, string> {
  const amount = parseDecimal(value);
  if (amount === undefined) return refuse(malformed, amountForm);
  return amount === '0' ? refuse(nothing, 'It is above zero.') : accept(amount);
}

function parseNotional(value: unknown, currency: Currency | undefined): Parsed<DecimalString, string> {
  const amount = positive(value, 'amount_malformed', 'amount_zero');
  return amount.ok && currency !== undefined ? parseAmount(amount.value, currency) : amount;
}

function parseDeadline(value: unknown, at: number): Parsed<string, string> {
  const deadline = parseDateTime(value);
  if (!deadline.ok) return deadline;
  const ends = parseInstant(deadline.value);
  return ends !== undefined && ends > at
    ? deadline
    : refuse('not_after_passed', 'The time after which the order may not be used has passed.');
}

function parseOneOf<const Value extends string>(
  value: unknown,
  values: readonly Value[],
  code: string,
): Parsed<Value, string> {
  const found = values.find((each) => each === value);
  return found === undefined ? refuse(code, `It is one of ${values.join(', ')}.`) : accept(found);
}

function parseList(value: unknown, max: number, code: string): Parsed<readonly unknown[], string> {
  return Array.isArray(value) && value.length <= max ? accept(value) : refuse(code, `It is a list of at most ${max}.`);
}

const identifier = new RegExp(identifierPattern);
const idempotencyKey = new RegExp(idempotencyKeyPattern);
const artifact = new RegExp(artifactPattern);

function parseIdentifier(value: unknown): Parsed<string, 'identifier_malformed'> {
  return typeof value === 'string' && identifier.test(value)
    ? accept(value)
    : refuse(
        'identifier_malformed',
        'It is 1 to 64 letters, digits and . _ : / @ # + -, beginning with a letter or digit.',
      );
}

function parseIdempotencyKey(value: unknown): Parsed<string, 'idempotency_key_malformed'> {
  return typeof value === 'string' && idempotencyKey.test(value)
    ? accept(value)
    : refuse('idempotency_key_malformed', 'An idempotency key is 8 to 64 visible ASCII characters.');
}

function parseArtifact(value: unknown): Parsed<string, 'artifact_malformed'> {
  return typeof value === 'string' && artifact.test(value)
    ? accept(value)
    : refuse('artifact_malformed', 'An artefact is named by its SHA-256, 64 lower-case hexadecimal digits.');
}

function parseMandateId(value: unknown): Parsed<MandateId, 'mandate_id_malformed'> {
  const id = parseId('mandate', value);
  return id === undefined
    ? refuse('mandate_id_malformed', 'A mandate is named by its id, mnd_ and 26 characters.')
    : accept(id);
}
