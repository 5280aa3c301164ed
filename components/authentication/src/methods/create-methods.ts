import { CodedError } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import type { RunningAuthenticators } from '../authenticators/authenticators.ts';
import { developmentMethod } from './development.ts';
import type { SignInMethod } from './method.ts';
import { webAuthnMethod } from './webauthn.ts';

/** The dependencies of sign-in methods. */
export interface MethodEnvironment {
  readonly environment: 'development' | 'production';
  readonly authenticators?: RunningAuthenticators;
  /** Made beforehand, of what the installation has for them. */
  readonly certificate?: SignInMethod;
  readonly federated?: SignInMethod;
}

/** The methods that a configuration may name. */
export const methodNameSchema = Type.Union([
  Type.Literal('development'),
  Type.Literal('webauthn'),
  Type.Literal('certificate'),
  Type.Literal('federated'),
]);
type MethodName = Static<typeof methodNameSchema>;

const factories: Readonly<Record<MethodName, (environment: MethodEnvironment) => SignInMethod>> = {
  development: developmentMethod,
  webauthn: ({ authenticators }) => webAuthnMethod(given('webauthn', authenticators)),
  certificate: ({ certificate }) => given('certificate', certificate),
  federated: ({ federated }) => given('federated', federated),
};

/** @throws CodedError `configuration_unsafe` for a method that this environment refuses */
export function createMethods(names: readonly MethodName[], environment: MethodEnvironment): readonly SignInMethod[] {
  return names.map((name) => factories[name](environment));
}

/** @throws CodedError `configuration_invalid` for a method without what it works with */
function given<Part>(name: MethodName, part: Part | undefined): Part {
  if (part === undefined)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: `The sign-in method ${name} needs something that this installation does not have.`,
    });
  return part;
}
