/** Roles of firms in a trade, by their Common Domain Model names. */
export const partyRoles = [
  'ArrangingBroker',
  'ExecutingBroker',
  'ClearingFirm',
  'ClearingOrganization',
  'ClearingClient',
  'Custodian',
  'SettlementAgent',
  'PrimeBroker',
  'ExecutionFacility',
  'TradeRepository',
  'ReportingParty',
  'ConfirmationPlatform',
  'AllocationAgent',
  'Client',
  'ClientDecisionMaker',
  'OrderTransmitter',
  'Beneficiary',
] as const;
export type PartyRole = (typeof partyRoles)[number];

export const personRoles = ['InvestmentDecisionMaker', 'ExecutionWithinFirm', 'Trader'] as const;
export type PersonRole = (typeof personRoles)[number];

export const approverRoles = ['compliance', 'desk-head', 'operations', 'risk', 'supervisor'] as const;
export type ApproverRole = (typeof approverRoles)[number];

export const accountTypes = ['House', 'Client', 'AggregateClient'] as const;
export type AccountType = (typeof accountTypes)[number];

/** Firms on the other side of an order, or that extend credit to it. */
export const counterpartyRoles = [
  'ArrangingBroker',
  'ExecutingBroker',
  'ClearingFirm',
  'PrimeBroker',
] as const satisfies readonly PartyRole[];

/** FIX PartyRole (452): the values that this software reads, with their FIX names. */
export const fixPartyRoles = {
  1: 'Executing Firm',
  3: 'Client ID',
  4: 'Clearing Firm',
  7: 'Entering Firm',
  11: 'Order Origination Trader',
  12: 'Executing Trader',
  13: 'Order Origination Firm',
  21: 'Clearing Organization',
  28: 'Custodian',
  36: 'Entering Trader',
  44: 'Order Entry Operator ID',
  122: 'Investment Decision Maker',
} as const;
export type FixPartyRole = keyof typeof fixPartyRoles;

/** Roles whose meaning differs between venues, such as 7 and 44, are absent and must be mapped for each venue. */
export const roleOfFixPartyRole: Readonly<Partial<Record<FixPartyRole, PartyRole | PersonRole>>> = {
  1: 'ExecutingBroker',
  3: 'Client',
  4: 'ClearingFirm',
  11: 'Trader',
  12: 'ExecutionWithinFirm',
  13: 'OrderTransmitter',
  21: 'ClearingOrganization',
  28: 'Custodian',
  36: 'Trader',
  122: 'InvestmentDecisionMaker',
};
