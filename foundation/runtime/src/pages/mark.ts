/** The mark: a document's line, and the second signature under it. */
export const mark = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">
<rect width="32" height="32" rx="7" fill="#16335b"/>
<path d="M8 11.5h10M8 16h6" stroke="#9fb6d8" stroke-width="2" stroke-linecap="round" fill="none"/>
<path d="M9.5 21.5l4 4L24 13" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round" fill="none"/>
</svg>
`;
