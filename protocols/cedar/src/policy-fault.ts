/**
 * Evaluating one policy failed (Cedar: the policy errors). It never leaves `evaluate`, which lists it in `errors`.
 *
 * Faults are made once, when a policy is compiled, and thrown as often as needed: whoever can provoke one with a
 * request must not make us capture a stack each time.
 */
export class PolicyFault extends Error {
  override readonly name = 'PolicyFault';
}
