/**
 * Evaluating one policy failed (Cedar: the policy errors). `evaluate` lists it in `errors`.
 * Made once, when a policy is compiled, so that no request can make us capture a stack.
 */
export class PolicyFault extends Error {
  override readonly name = 'PolicyFault';
}
