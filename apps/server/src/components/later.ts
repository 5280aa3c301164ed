type Method = (...args: readonly never[]) => unknown;

/**
 * A proxy for methods of a component that starts later, for components that call them only at request time.
 *
 * @param methods asynchronous methods only
 */
export function later<Component extends object, Name extends keyof Component & string>(
  methods: readonly Name[],
): { readonly seen: Pick<Component, Name>; readonly is: (component: Component) => void } {
  let started: Component | undefined;
  const call =
    (name: Name) =>
    async (...args: readonly never[]) => {
      if (started === undefined) throw new Error(`${name} was asked for before its component had started`);
      // Only names of methods are passed.
      return Reflect.apply(started[name] as Method, started, args);
    };
  // The names are those of the component.
  const seen = Object.fromEntries(methods.map((name) => [name, call(name)])) as unknown as Pick<Component, Name>;
  return {
    seen,
    is(component) {
      started = component;
    },
  };
}
