import type { PolicyBundle } from '@countersign/contracts';

const schema = `entity Person { roles: Set<String> };
entity Order { notional: decimal };
entity Country;
entity Service, Agent, Institution, Transaction, Resource;
action "order:create" appliesTo { principal: Person, resource: Order, context: { country: Country } };
action "token:issue" appliesTo { principal: Person, resource: Resource, context: {} };
`;

const entitlement = `// Who may trade at all.
@id("trader-creates-orders")
permit (principal, action == Action::"order:create", resource)
when { principal.roles.contains("trader") };
`;

const guard = (most: string) => `@id("too-large")
@reason("notional_per_order")
@detail("No more than ${most} at once.")
forbid (principal, action == Action::"order:create", resource)
when { resource.notional.greaterThan(decimal("${most}")) };
`;

const tests = {
  entities: [
    { uid: { type: 'Person', id: 'person:anna' }, attrs: { roles: ['trader'] }, parents: [] },
    { uid: { type: 'Person', id: 'person:carl' }, attrs: { roles: ['clerk'] }, parents: [] },
  ],
  context: { country: { __entity: { type: 'Country', id: 'DE' } } },
  resources: {
    order: {
      uid: { type: 'Order', id: 'order' },
      attrs: { notional: { __extn: { fn: 'decimal', arg: '50.0' } } },
      parents: [],
    },
  },
  tests: [
    {
      name: 'a trader creates an order',
      principal: 'Person::"person:anna"',
      action: 'order:create',
      resource: 'order',
      expect: { decision: 'permit', determining: ['trader-creates-orders'], reasons: [] },
    },
    {
      name: 'a clerk creates none',
      principal: 'Person::"person:carl"',
      action: 'order:create',
      resource: 'order',
      expect: { decision: 'deny', reasons: ['no_policy_permits'] },
    },
    {
      name: 'nobody creates one that is too large',
      principal: 'Person::"person:anna"',
      action: 'order:create',
      resource: 'order',
      attrs: { notional: { __extn: { fn: 'decimal', arg: '5000.0' } } },
      expect: { decision: 'deny', reasons: ['notional_per_order'], determining: ['too-large'], obligations: [] },
    },
  ],
};

/** A complete bundle with two policies and three tests; `most` makes a different one. */
export function smallBundle(most = '1000.0'): PolicyBundle {
  return {
    schema,
    policies: [
      { file: 'entitlements.cedar', text: entitlement },
      { file: 'guards.cedar', text: guard(most) },
    ],
    entities: [{ uid: { type: 'Country', id: 'DE' }, attrs: {}, parents: [] }],
    limits: [],
    rates: {},
    tests: [{ file: 'orders.json', content: tests }],
  };
}
