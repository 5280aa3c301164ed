import type { Page } from 'playwright-core';

export interface TextContrast {
  readonly text: string;
  /** WCAG 2.2 contrast ratio of the text against the nearest background behind it: 1 to 21. */
  readonly contrast: number;
}

// As text, because it runs in the page: this file is compiled without `document`.
const script = String.raw`(() => {
  const channels = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [red, green, blue] = channels(colour).map((channel) => {
      const value = channel / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    for (let each = element; each !== null; each = each.parentElement) {
      const { backgroundColor } = getComputedStyle(each);
      if ((channels(backgroundColor)[3] ?? 1) > 0) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')].flatMap((element) => {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent.trim()).join(' ');
    if (text.trim() === '') return [];
    const [dark, bright] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => a - b);
    return [{ text, contrast: (bright + 0.05) / (dark + 0.05) }];
  });
})()`;

/** The contrast of each text of the page in its current colours (WCAG 2.2, 1.4.3 requires 4.5). */
export function contrastsOfText(page: Page): Promise<readonly TextContrast[]> {
  return page.evaluate<readonly TextContrast[]>(script);
}
