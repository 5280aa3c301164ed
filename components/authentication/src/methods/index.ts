import { type Static, Type } from 'typebox';
import { developmentMethod } from './development.ts';
import type { SignInMethod } from './method.ts';

export interface MethodEnvironment {
  readonly environment: 'development' | 'production';
}

/** The methods that a configuration may name. */
export const methodNameSchema = Type.Union([Type.Literal('development')]);
type MethodName = Static<typeof methodNameSchema>;

const factories: Readonly<Record<MethodName, (environment: MethodEnvironment) => SignInMethod>> = {
  development: developmentMethod,
};

/** @throws CodedError `configuration_unsafe` for a method that this environment refuses */
export function createMethods(names: readonly MethodName[], environment: MethodEnvironment): readonly SignInMethod[] {
  return names.map((name) => factories[name](environment));
}
