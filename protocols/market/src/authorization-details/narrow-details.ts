import { canonicalize, compareDecimals, parseDecimal, parseInstant } from '@countersign/kernel';
import {
  type AuthorizationDetail,
  type AuthorizationDetailType,
  type DetailOf,
  isAuthorizationDetailType,
} from './types.ts';

export interface DetailsCounterexample {
  readonly path: string;
  readonly parent: unknown;
  readonly child: unknown;
  /** An example that the child would permit and no parent permits. */
  readonly example: string;
}

export type NarrowedDetails =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'details_wider'; readonly counterexample: DetailsCounterexample };

/**
 * Undefined if the child's value lies within the parent's, otherwise an example of what it adds. Values that cannot be
 * compared count as wider.
 */
type Within = (parent: unknown, child: unknown, name: string) => string | undefined;

/** For fields that identify the intent. */
const equal: Within = (parent, child, name) =>
  textOf(parent) === textOf(child) ? undefined : `${name} ${shown(child)}`;

/** Every member of the child's list is in the parent's. */
const subset: Within = (parent, child, name) => {
  if (!Array.isArray(parent) || !Array.isArray(child)) return `${name} of any kind`;
  const allowed = new Set(parent.map(textOf));
  const extra: unknown = child.find((member) => !allowed.has(textOf(member)));
  return extra === undefined ? undefined : `${name} ${shown(extra)}`;
};

const quantityAtMost: Within = (parent, child, name) => {
  const most = parseDecimal(parent);
  const asked = parseDecimal(child);
  if (most === undefined || asked === undefined) return `${name} without limit`;
  return compareDecimals(asked, most) <= 0 ? undefined : `${name} ${asked}`;
};

/** At most as much, in the same currency. Amounts in different currencies cannot be compared without a rate. */
const moneyAtMost: Within = (parent, child, name) => {
  const sameCurrency = textOf(member(parent, 'ccy')) === textOf(member(child, 'ccy'));
  return sameCurrency && quantityAtMost(member(parent, 'amount'), member(child, 'amount'), name) === undefined
    ? undefined
    : `${name} ${shown(member(child, 'amount'))} ${shown(member(child, 'ccy'))}`;
};

/** A deadline may become earlier. If the parent has no deadline, any deadline is narrower. */
const notLater: Within = (parent, child, name) => {
  if (parent === undefined) return undefined;
  const latest = instantOf(parent);
  const asked = instantOf(child);
  if (latest === undefined || asked === undefined) return `${name} without end`;
  return asked <= latest ? undefined : `${name} ${shown(child)}`;
};

/** Each allocation line uses an account of the parent, with at most the parent's quantity. */
const linesWithin: Within = (parent, child, name) => {
  if (!Array.isArray(parent) || !Array.isArray(child)) return `${name} of any kind`;
  const most = new Map(parent.map((line: unknown) => [member(line, 'account'), member(line, 'qty')]));
  const extra: unknown = child.find(
    (line: unknown) => quantityAtMost(most.get(member(line, 'account')), member(line, 'qty'), name) !== undefined,
  );
  return extra === undefined ? undefined : `${name} ${shown(extra)}`;
};

type FieldsOf<Detail> = { readonly [Field in keyof Detail]-?: Within };

const common = {
  type: equal,
  locations: subset,
  actions: subset,
  entity_lei: equal,
  mandate_id: equal,
  idempotency_key: equal,
  not_after: notLater,
  jurisdiction: equal,
};

const order = {
  ...common,
  account: equal,
  instrument: equal,
  venue_mic: equal,
  side: equal,
  max_qty: quantityAtMost,
  // Whether a different price is better depends on the side and the party, so a different price makes a different intent.
  limit_price: equal,
  max_notional: moneyAtMost,
  tif: equal,
  capacity: equal,
  parties: subset,
  algo: equal,
  client_order_id: equal,
};

/** How each field narrows. A new field does not compile without a rule here. */
const fields: { readonly [Type in AuthorizationDetailType]: FieldsOf<DetailOf<Type>> } = {
  'urn:countersign:rar:v1:trade_order': order,
  'urn:countersign:rar:v1:rfq': { ...order, counterparties_lei: subset, quote_id: equal, quote_expiry: notLater },
  'urn:countersign:rar:v1:allocation': { ...common, trade_ids: subset, lines: linesWithin, giveup_to_lei: equal },
  'urn:countersign:rar:v1:clearing_submission': {
    ...common,
    trade_id: equal,
    uti: equal,
    ccp_lei: equal,
    clearing_firm_lei: equal,
    client_account_type: equal,
  },
  // The amount of a settlement, transfer or withdrawal is an obligation, not a limit: a smaller amount is a different
  // instruction.
  'urn:countersign:rar:v1:settlement_instruction': {
    ...common,
    trade_id: equal,
    uti: equal,
    sequence: equal,
    amount: equal,
    ccy: equal,
    dti: equal,
    deliverer: equal,
    receiver: equal,
    place_of_settlement: equal,
    value_date: equal,
    dvp: equal,
    ssi_version: equal,
  },
  'urn:countersign:rar:v1:collateral_transfer': {
    ...common,
    agreement_id: equal,
    direction: equal,
    asset: equal,
    qty: equal,
    valuation_ref: equal,
    call_id: equal,
  },
  'urn:countersign:rar:v1:address_book_change': {
    ...common,
    asset: equal,
    chain_id: equal,
    address: equal,
    memo: equal,
    account: equal,
    place_of_settlement: equal,
    beneficiary_lei: equal,
    cooling_off_until: equal,
  },
  'urn:countersign:rar:v1:withdrawal': {
    ...common,
    asset: equal,
    chain_id: equal,
    network: equal,
    address_id: equal,
    amount: equal,
    max_fee: quantityAtMost,
    calldata_hash: equal,
  },
  'urn:countersign:rar:v1:regulatory_report': { ...common, regime: equal, uti: equal, action: equal, tr_lei: equal },
  'urn:countersign:rar:v1:privileged_admin': {
    ...common,
    target: equal,
    operation: equal,
    before_hash: equal,
    after_hash: equal,
    ticket: equal,
  },
};

/**
 * Checks that `parents` cover `children`. Each child narrows the one parent with its type and idempotency key, and no
 * two share one. Locations, actions, parties and trades may be reduced; quantities, notionals, fees and deadlines may
 * shrink; other fields are equal.
 *
 * Both sides are parsed.
 */
export function narrowDetails(
  parents: readonly AuthorizationDetail[],
  children: readonly AuthorizationDetail[],
): NarrowedDetails {
  const cut = new Set<AuthorizationDetail>();
  for (const [index, child] of children.entries()) {
    const parent = parents.find(
      ({ type, idempotency_key }) => type === child.type && idempotency_key === child.idempotency_key,
    );
    const name = `${child.type} under idempotency key ${child.idempotency_key}`;
    if (parent === undefined) return wider(`/${index}`, undefined, child, name);
    if (cut.has(parent)) return wider(`/${index}`, parent, child, `${name}, a second time`);
    cut.add(parent);
    const found = wherever(parent, child, index);
    if (found !== undefined) return found;
  }
  return { ok: true };
}

function wherever(parent: AuthorizationDetail, child: AuthorizationDetail, index: number): NarrowedDetails | undefined {
  if (!isAuthorizationDetailType(child.type))
    return wider(`/${index}/type`, parent.type, child.type, 'an unknown type');
  const rules: Readonly<Record<string, Within>> = fields[child.type];
  for (const name of Object.keys(child)) {
    // A field without a rule counts as wider.
    if (!Object.hasOwn(rules, name)) return wider(`/${index}/${name}`, member(parent, name), member(child, name), name);
  }
  for (const [name, within] of Object.entries(rules)) {
    const [held, asked] = [member(parent, name), member(child, name)];
    const example = within(held, asked, name);
    if (example !== undefined) return wider(`/${index}/${name}`, held, asked, example);
  }
  return undefined;
}

function wider(path: string, parent: unknown, child: unknown, example: string): NarrowedDetails {
  return {
    ok: false,
    code: 'details_wider',
    counterexample: { path, parent: parent ?? null, child: child ?? null, example },
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}

/** An absent value has a text of its own. */
function textOf(value: unknown): string {
  return value === undefined ? 'absent' : canonicalize(value);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : textOf(value);
}

function instantOf(value: unknown): number | undefined {
  return typeof value === 'string' ? parseInstant(value) : undefined;
}
