import type { PolicyBundle } from '@countersign/contracts';

/** The one policy that permits the orders of the benchmark. */
export const permittingPolicy = 'trader-places-order-for-the-desk';

/** The number of policies about orders: all of ten, otherwise a tenth. */
export function relevantOf(policies: number): number {
  return Math.min(policies, Math.max(10, policies / 10));
}

/**
 * Policies over the shipped schema, similar to the shipped ones: one entitlement, and triggers and gates about desk,
 * instrument, worth, jurisdiction, compliance and circumstances. None denies the orders of the benchmark, so each policy
 * about orders is evaluated to its end. The others are about other actions.
 */
export function generatedBundle(shipped: PolicyBundle, policies: number): PolicyBundle {
  const relevant = relevantOf(policies);
  const texts = [entitlement];
  for (let index = 1; index < policies; index++) {
    const action = index < relevant ? 'order:create' : otherActions[index % otherActions.length];
    texts.push(`@id("rule-${index}")
@reason("rule_${index}")
@detail("Rule ${index} denies the request.")
forbid (principal, action == Action::"${action}", resource)
${conditions[index % conditions.length]?.(index) ?? ''};`);
  }
  const { schema, entities } = shipped;
  return {
    schema,
    policies: [{ file: 'generated.cedar', text: texts.join('\n\n') }],
    entities,
    limits: [],
    rates: {},
    tests: [],
  };
}

const otherActions = ['rfq:create', 'trade:affirm', 'settlement:instruct', 'settlement:release', 'order:cancel'];

const entitlement = `@id("${permittingPolicy}")
permit (principal is Person, action == Action::"order:create", resource)
when {
  principal.roles.contains("trader") &&
  principal.institution == resource.initiatorInstitution &&
  principal has desk && resource has instrument &&
  principal.desk.products.contains(resource.instrument.category)
};`;

/** By the index of the policy, so that all differ. */
const conditions: readonly ((index: number) => string)[] = [
  (index) => `when {
  resource has notional && resource has currency && resource.currency == "EUR" &&
  resource.notional.greaterThan(decimal("${2_000_000 + index}.0"))
}
unless { resource.approvals.supervisor >= 1 }`,
  (
    index,
  ) => `when { resource has instrument && resource.instrument.category == "S" && resource.instrument.group like "S*${index}" }
unless { resource.approvals.risk >= 1 }`,
  (index) =>
    `when { resource has jurisdiction && resource.jurisdiction in Region::"served" && resource.mandate.version > ${index + 4_000} }`,
  (index) => `when { context.now.durationSince(context.gates.sanctionsOldest) > duration("${24 + index}h") }`,
  (index) => `unless { context.gates.kycCurrent || resource.approvals.compliance >= ${index} }`,
  (index) => `when { context.gates.amlRisk == "high" && resource.approvals.compliance < ${index} }`,
  (index) =>
    `when { (!context.deskOpen || context.now > datetime("2024-01-01")) && resource.approvals.desk_head > ${index} }`,
  (index) => `when { context.signals.contains("signal-${index}") }`,
  (index) => `when {
  context has acr && context.acr == "phr" && resource has notional &&
  resource.notional.greaterThanOrEqual(decimal("${1_500_000 + index}.0"))
}
unless { context has authAgeSeconds && context.authAgeSeconds < 300 }`,
  (index) => `when { principal has desk && resource has instrument && resource.instrument.group == "D${index}" }
unless { principal.desk.products.contains(resource.instrument.category) }`,
  () => `when { resource has venue && principal has desk }
unless { principal.desk.venues.contains(resource.venue) }`,
  (index) => `when {
  resource has instrument && resource.entityInstitution has suitableFor && resource.approvals.risk < ${index}
}
unless { resource.entityInstitution.suitableFor.contains(resource.instrument.category) }`,
];
