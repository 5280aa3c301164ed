/** The bond that the test firms trade, as a directory file names it. */
export const bond = {
  id: 'DE000EXMPL17',
  cfi: 'DBFTFB',
  currency: 'EUR',
  venues: ['XEEE', 'XEUR'],
  complex: false,
  target_market: ['eligible-counterparty', 'professional', 'retail'],
  source: 'Example Data',
  as_of: '2020-01-01T00:00:00Z',
} as const;

/** Another bond. */
export const otherBond = { ...bond, id: 'DE0001102580' } as const;
