/** One well-formed authorization detail of each type as untrusted input. For tests only. */
export const firm = '529900T8BM49AURSDO55';
export const broker = 'HWUPKR0MPOU8FGXBT394';
export const clearer = '5493001KJTIIGC8Y1R12';

const common = {
  locations: ['https://venue.example/orders', 'https://clearing.example/'],
  entity_lei: firm,
  mandate_id: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3',
  idempotency_key: 'order-2026-0001',
  not_after: '2026-11-21T17:30:00Z',
  jurisdiction: 'DE',
};

const order = {
  account: 'ACC-001',
  instrument: { isin: 'US0378331005', cfi: 'ESVUFR' },
  venue_mic: 'XNAS',
  side: 'BUY',
  max_qty: '1000',
  limit_price: { amount: '190.125', ccy: 'USD' },
  max_notional: { amount: '190125', ccy: 'USD' },
  tif: 'DAY',
  capacity: 'AOTC',
  parties: [
    { role: 'ExecutingBroker', lei: broker },
    { role: 'ClearingFirm', lei: clearer },
  ],
  algo: { model_id: 'vwap', version: '3.2.1', artifact_sha256: 'ab'.repeat(32), cert_id: 'CERT-7' },
  client_order_id: 'ORD-1',
};

/** The executed order to allocate, clear and settle. */
export const trade = 'txn_01k9z3m8q4d6s0v2x5y7a9b1c9';

const uti = `${firm}TRADE0001`;

/** An address book entry for a settlement account instead of an address. */
export const settlementAccount = {
  ...common,
  type: 'urn:countersign:rar:v1:address_book_change',
  actions: ['propose'],
  account: 'CASH-9',
  place_of_settlement: 'CEDELULLXXX',
  beneficiary_lei: broker,
  cooling_off_until: '2026-11-23T09:30:00Z',
};

export const examples = {
  trade_order: {
    ...common,
    ...order,
    type: 'urn:countersign:rar:v1:trade_order',
    actions: ['create', 'execute', 'clear'],
  },
  rfq: {
    ...common,
    ...order,
    type: 'urn:countersign:rar:v1:rfq',
    actions: ['create', 'accept'],
    instrument: { upi: 'QZRBG6ZTKS42', cfi: 'SRCCSP' },
    counterparties_lei: [broker, clearer],
    quote_id: 'Q-1',
    quote_expiry: '2026-11-21T09:31:00Z',
  },
  allocation: {
    ...common,
    type: 'urn:countersign:rar:v1:allocation',
    actions: ['propose'],
    trade_ids: [trade, 'txn_01k9z3m8q4d6s0v2x5y7a9b1d0'],
    lines: [
      { account: 'FUND-A', qty: '600' },
      { account: 'FUND-B', qty: '400' },
    ],
    giveup_to_lei: clearer,
  },
  clearing_submission: {
    ...common,
    type: 'urn:countersign:rar:v1:clearing_submission',
    actions: ['submit'],
    trade_id: trade,
    uti,
    ccp_lei: clearer,
    clearing_firm_lei: broker,
    client_account_type: 'House',
  },
  settlement_instruction: {
    ...common,
    type: 'urn:countersign:rar:v1:settlement_instruction',
    actions: ['instruct', 'release'],
    trade_id: trade,
    uti,
    sequence: 1,
    amount: '190125.5',
    ccy: 'USD',
    deliverer: { lei: firm, account: 'CASH-1' },
    receiver: { lei: broker, account: 'CASH-9' },
    place_of_settlement: 'CEDELULLXXX',
    value_date: '2026-11-24',
    dvp: true,
    ssi_version: '4',
  },
  collateral_transfer: {
    ...common,
    type: 'urn:countersign:rar:v1:collateral_transfer',
    actions: ['pledge', 'transfer'],
    agreement_id: 'CSA-1',
    direction: 'DELIVER',
    asset: { ccy: 'EUR' },
    qty: '250000',
    valuation_ref: 'VAL-1',
    call_id: 'CALL-1',
  },
  address_book_change: {
    ...common,
    type: 'urn:countersign:rar:v1:address_book_change',
    actions: ['propose'],
    asset: { dti: 'X9J9K872S' },
    chain_id: 'eip155:1',
    address: '0x52908400098527886E0F7030069857D2E4169EE7',
    memo: 'desk 4',
    beneficiary_lei: broker,
    cooling_off_until: '2026-11-23T09:30:00Z',
  },
  withdrawal: {
    ...common,
    type: 'urn:countersign:rar:v1:withdrawal',
    actions: ['request', 'release'],
    asset: { dti: 'X9J9K872S' },
    chain_id: 'eip155:1',
    network: 'mainnet',
    address_id: 'ADDR-1',
    amount: '12.5',
    max_fee: '0.01',
    calldata_hash: `0x${'cd'.repeat(32)}`,
  },
  regulatory_report: {
    ...common,
    type: 'urn:countersign:rar:v1:regulatory_report',
    actions: ['submit'],
    regime: 'EMIR',
    uti,
    action: 'NEWT',
    tr_lei: clearer,
  },
  privileged_admin: {
    ...common,
    type: 'urn:countersign:rar:v1:privileged_admin',
    actions: ['request', 'execute'],
    target: 'https://countersign.example/policies/limits',
    operation: 'policy.publish',
    before_hash: 'A'.repeat(43),
    after_hash: 'B'.repeat(43),
    ticket: 'CHG-1',
  },
};
