import { describe, expect, it } from 'vitest';
import { shippedPolicies } from '../engine.ts';
import { analysePolicies } from './analyse.ts';
import { loadBundle } from './load-bundle.ts';
import { readBundleFolder } from './read-folder.ts';

const shipped = await readBundleFolder(shippedPolicies);
const head = (id: string) => `@id("${id}")\n@detail("For a test.")\n`;
const permit = 'permit (principal, action in Action::"dealing", resource is Transaction)';
const forbid = 'forbid (principal, action in Action::"dealing", resource is Transaction)';

/** Codes and places of the findings in these policies, over the shipped schema. */
function foundIn(text: string) {
  const loaded = loadBundle({ ...shipped, policies: [{ file: 'bad.cedar', text }], tests: [] });
  return analysePolicies(loaded).map(({ code, policyId, file, line }) => `${file}:${line} ${policyId} ${code}`);
}

describe('the shipped policies', () => {
  const loaded = loadBundle(shipped);

  it('have no findings', () => {
    expect(analysePolicies(loaded)).toEqual([]);
  });

  const annotated = (name: string) =>
    loaded.parsed.policies.filter(({ annotations }) => annotations[name] !== undefined).map(({ id }) => id);

  it('have one redundant policy, with its reason', () => {
    expect(annotated('shadowed')).toEqual(['account-is-known']);
  });

  it('have three permits without a condition on authority, and give the reason', () => {
    expect(annotated('unconditional').sort()).toEqual([
      'certificate-for-a-holder',
      'secret-for-a-holder',
      'token-for-an-interface',
    ]);
  });
});

describe('a policy that can never apply is reported', () => {
  it.each([
    ['for a constant that is false', 'when { 1 == 2 }'],
    ['for its opposite', 'when { context.deskOpen } unless { context.deskOpen }'],
    ['for two values of one thing', 'when { resource.state == "intended" && resource.state == "settled" }'],
    [
      'for a value that is not of a list',
      'when { resource.state == "intended" && ["settled", "failed"].contains(resource.state) }',
    ],
    ['for numbers without one between', 'when { resource.approvals.risk >= 3 && resource.approvals.risk < 2 }'],
    [
      'for numbers of 64 bits without one between',
      'when { resource.approvals.risk > 9223372036854775806 && resource.approvals.risk < 9223372036854775807 && resource.approvals.risk <= 9223372036854775806 }',
    ],
    ['for two numbers that JSON would take for one', 'when { 9007199254740993 == 9007199254740992 }'],
    [
      'for numbers that leave out the last',
      'when { resource.approvals.risk >= 2 } unless { resource.approvals.risk >= 2 }',
    ],
    [
      'for amounts without one between',
      'when { resource has notional && resource.notional.greaterThan(decimal("5.0")) && resource.notional.lessThanOrEqual(decimal("5.0")) }',
    ],
    ['for a type that it leaves out', 'when { action == Action::"report:submit" }'],
  ])('%s', (_, conditions) => {
    expect(foundIn(`${head('never')}${forbid}\n${conditions};`)).toEqual(['bad.cedar:1 never policy_unreachable']);
  });

  it('for types that the schema never combines', () => {
    const text = `${head('never')}forbid (principal, action == Action::"order:create", resource is Resource);`;
    expect(foundIn(text)).toEqual(['bad.cedar:1 never policy_unreachable']);
    const list = `${head('half')}forbid (principal, action in [Action::"token:issue", Action::"dealing"], resource is Resource);`;
    expect(foundIn(list)).toEqual(['bad.cedar:1 half action_never_meets']);
  });

  it('but not one that can apply', () => {
    for (const conditions of [
      'when { resource.approvals.risk >= 2 && resource.approvals.risk <= 2 }',
      'when { resource.approvals.risk >= 9007199254740993 && resource.approvals.risk <= 9007199254740993 }',
      'when { resource.approvals.risk > 9007199254740992 && resource.approvals.risk < 9007199254740994 }',
      'when { resource.state == "intended" && ["intended", "failed"].contains(resource.state) }',
      'when { action == Action::"order:create" || action == Action::"report:submit" }',
    ])
      expect(foundIn(`${head('some')}${forbid}\n${conditions};`)).toEqual([]);
  });
});

describe('a redundant policy is reported', () => {
  const wide = `${head('wide')}${forbid}\nwhen { context.deskOpen };\n`;

  it.each([
    ['that asks for more', 'when { context.deskOpen && context.mandateInForce }'],
    ['that is the same', 'when { context.deskOpen }'],
    ['that is the same in other words', 'unless { !context.deskOpen }'],
  ])('%s', (_, conditions) => {
    expect(foundIn(`${wide}${head('narrow')}${forbid}\n${conditions};`)).toEqual([
      'bad.cedar:5 narrow policy_shadowed',
    ]);
  });

  it('that covers fewer actions, or one of the alternatives of another', () => {
    const fewer = `${head('narrow')}forbid (principal is Person, action == Action::"order:create", resource is Transaction)\nwhen { context.deskOpen };`;
    expect(foundIn(`${wide}${fewer}`)).toEqual(['bad.cedar:5 narrow policy_shadowed']);
    const either = `${head('either')}${forbid}\nwhen { context.deskOpen || context.mandateInForce };\n`;
    expect(foundIn(`${wide}${either}`)).toEqual(['bad.cedar:1 wide policy_shadowed']);
  });

  it('unless it gives a reason, which is refused where none is needed', () => {
    const again = `@shadowed("For a test.")\n${head('again')}${forbid}\n`;
    expect(foundIn(`${wide}${again}when { context.deskOpen };`)).toEqual([]);
    expect(foundIn(`${wide}${again}when { context.mandateInForce };`)).toEqual([
      'bad.cedar:5 again exception_not_needed',
    ]);
  });

  it('but not one that differs in its effect, its remedy or its conditions', () => {
    const narrow = (conditions: string) => `${head('narrow')}${forbid}\n${conditions};`;
    expect(foundIn(`${wide}${narrow('unless { context.deskOpen }')}`)).toEqual([]);
    expect(
      foundIn(`${wide}@remedy("approval risk 1")\n${narrow('when { context.deskOpen && context.mandateInForce }')}`),
    ).toEqual([]);
    expect(foundIn(`${wide}${head('yes')}${permit}\nwhen { context.deskOpen && context.mandateInForce };`)).toEqual([]);
  });
});

describe('a permit without a condition on authority is reported', () => {
  it.each(['', 'when { context.deskOpen }', 'when { principal is Person && resource.state == "intended" }'])(
    '%s',
    (conditions) => {
      expect(foundIn(`${head('anybody')}${permit}\n${conditions};`)).toEqual([
        'bad.cedar:1 anybody permit_without_authority',
      ]);
    },
  );

  it.each([
    'when { principal.roles.contains("trader") }',
    'when { principal.institution == resource.initiatorInstitution }',
    'when { context.mandateInForce }',
    'when { context.scopes.contains("order:create") }',
    'when { principal in Institution::"5493000ARRANGERDEM94" }',
  ])('but not one with %s', (conditions) => {
    expect(foundIn(`${head('somebody')}${permit}\n${conditions};`)).toEqual([]);
  });

  it('unless it gives a reason, which is refused where none is needed', () => {
    expect(foundIn(`@unconditional("For a test.")\n${head('meant')}${permit};`)).toEqual([]);
    expect(foundIn(`@unconditional("For a test.")\n${head('odd')}${permit}\nwhen { context.mandateInForce };`)).toEqual(
      ['bad.cedar:1 odd exception_not_needed'],
    );
  });
});

it('finds the faults among a thousand policies within seconds', () => {
  const many = Array.from(
    { length: 1_000 },
    (_, index) => `${head(`n${index}`)}${forbid}\nwhen { resource.initiator == "${index}" };`,
  );
  expect(foundIn([...many, `${head('last')}${forbid}\nwhen { false };`].join('\n'))).toHaveLength(1);
});
