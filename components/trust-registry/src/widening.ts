import type { TrustProfile, TrustProfileInput } from '@countersign/contracts';
import { canonicalize } from '@countersign/kernel';

/**
 * Increased or different trust needs two people; reducing it needs one. A suspended profile is compared as well,
 * because its content comes into force with the next version.
 */
export function widensTrust(before: TrustProfile | undefined, after: TrustProfileInput): boolean {
  return (
    before === undefined ||
    before.suspended === true ||
    before.jwksUri !== after.jwksUri ||
    !isWithin(after.algorithms, before.algorithms) ||
    !isWithin(after.acrValues, before.acrValues) ||
    !isWithin(before.requiredClaims, after.requiredClaims) ||
    after.maxLifetimeSeconds > before.maxLifetimeSeconds ||
    after.maxAuthenticationAgeSeconds > before.maxAuthenticationAgeSeconds ||
    widensSignIn(before, after)
  );
}

/** Whether an accepted class maps to another class of ours. A class without an entry counts under its own name. */
function widensSignIn({ signIn: before }: TrustProfile, { signIn: after, acrValues }: TrustProfileInput): boolean {
  if (after === undefined) return false;
  if (before === undefined || before.clientId !== after.clientId) return true;
  const mapped = (classes: Readonly<Record<string, string>>) =>
    canonicalize(acrValues.map((acr) => (Object.hasOwn(classes, acr) ? (classes[acr] ?? acr) : acr)));
  return mapped(before.classes) !== mapped(after.classes);
}

function isWithin(part: readonly string[], whole: readonly string[]): boolean {
  return part.every((one) => whole.includes(one));
}
