/**
 * Why a mutant is undetected: it decides like its policy. Each reason with the policies whose survivors it explains, and
 * the places in them.
 */
const reasons: readonly (readonly [reason: string, survivors: readonly RegExp[]])[] = [
  [
    'A guard before an attribute that an entity lacks where the directory does not have it: without the guard the policy fails, and a forbid that fails denies as the policy does.',
    [
      /^(agents-trade-only-plain-products|high-risk-country-needs-compliance|client-category-is-known): unless drop (left|right) at /,
      /^(entity|client)-in-good-standing: unless drop left at whole$/,
      /^(entity|client|venue)-of-a-served-country: unless drop left at whole$/,
      /^(claimed-)?device-(meets-the-rules: unless drop left at whole|was-looked-at-lately: unless drop left at &&\.left)$/,
      /^retail-client-is-suited: unless drop right /,
      /^professional-client-is-suited-for-derivatives: unless drop (right at &&\.right|left at .*)$/,
      /^(retail|professional)-clients-of-an-allocation-are-suited.*: unless drop right /,
      /^jurisdiction-is-one-of-the-deal: unless drop right at &&\.right\.\|\|\.left\.\|\|\.(left\.\|\|\.right\.&&|right\.&&)\.left/,
    ],
  ],
  [
    'A guard before an attribute that is missing only for an institution or an instrument that the directory does not have, and that another policy refuses.',
    [
      /^client-of-high-risk-country-needs-compliance: when drop right at &&\.left$/,
      /^desk-deals-in-the-product: when drop right at &&\.left\.&&\.left$/,
      /^no-otc-derivatives-for-retail: when drop right /,
    ],
  ],
  [
    'Another policy refuses what this condition leaves out: the sign-in, the kind of principal, the institution in whose name it is, the type of intent or the scopes.',
    [
      /^token-for-.*: when drop (left|right) at /,
      /^people-(trade|move-assets)-by-a-sign-in-of-.*: when drop left at whole$/,
      /^(executed-trade-is-cleared|cleared-trade-is-settled): when drop left at &&\.left$/,
      /^very-large-order-rests-on-hardware-key: when drop left at &&\.left\.&&\.left$/,
    ],
  ],
  [
    'The condition is always true where the other is: what is no transaction is an interface.',
    [/^sanctions-screening-is-not-postdated: when drop left at &&\.right\.\|\|\.right$/],
  ],
];

/** Each survivor under its reason; unexplained ones come last. */
export function explained(survivors: readonly string[]): string {
  const groups = [...reasons, ['Not explained: a policy test is missing.', [/./]] as const];
  const left = new Set(survivors);
  const chapters = groups.flatMap(([reason, patterns]) => {
    const of = [...left].filter((id) => patterns.some((pattern) => pattern.test(id)));
    for (const id of of) left.delete(id);
    return of.length === 0 ? [] : [`# ${reason}\n${of.join('\n')}\n`];
  });
  return chapters.join('\n');
}
