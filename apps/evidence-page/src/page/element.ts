type Child = Node | string | undefined;

/** Text is inserted as text, so that a bundle cannot inject markup. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** A part of the page under a heading of its own. */
export function panel(id: string, title: string, ...children: readonly Child[]): HTMLElement {
  return element('section', { class: 'panel', 'aria-labelledby': id }, element('h2', { id }, title), ...children);
}

/** Reachable by keyboard, because it may be wider than the page. */
export function scrolling(label: string, child: Node): HTMLElement {
  return element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label }, child);
}

/** Undefined if the SVG is not well-formed. */
export function picture(svg: string): SVGSVGElement | undefined {
  const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  return parsed instanceof SVGSVGElement ? document.importNode(parsed, true) : undefined;
}

export function byId<Type extends Element>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page lacks #${id}`);
  return found;
}
