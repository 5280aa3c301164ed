import { CodedError } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import type { RunningAuthenticators } from '../authenticators/authenticators.ts';
import { developmentMethod } from './development.ts';
import type { SignInMethod } from './method.ts';
import { webAuthnMethod } from './webauthn.ts';

export interface MethodEnvironment {
  readonly environment: 'development' | 'production';
  readonly authenticators?: RunningAuthenticators;
  /** If the installation has them. */
  readonly certificate?: SignInMethod;
  readonly card?: SignInMethod;
  readonly federated?: SignInMethod;
}

export const methodNameSchema = Type.Enum(['development', 'webauthn', 'certificate', 'card', 'federated']);
type MethodName = Static<typeof methodNameSchema>;

const factories: Readonly<Record<MethodName, (environment: MethodEnvironment) => SignInMethod>> = {
  development: developmentMethod,
  webauthn: ({ authenticators }) => webAuthnMethod(given('webauthn', authenticators)),
  certificate: ({ certificate }) => given('certificate', certificate),
  card: ({ card }) => given('card', card),
  federated: ({ federated }) => given('federated', federated),
};

/** @throws CodedError `configuration_unsafe` for the method `development` in production */
export function createMethods(names: readonly MethodName[], environment: MethodEnvironment): readonly SignInMethod[] {
  return names.map((name) => factories[name](environment));
}

/** @throws CodedError `configuration_invalid` for a method without its dependency */
function given<Part>(name: MethodName, part: Part | undefined): Part {
  if (part === undefined)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: `The sign-in method ${name} is not configured in this installation.`,
    });
  return part;
}
